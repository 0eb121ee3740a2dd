#include "backends/cuda/product.h"

#include <algorithm>

#include "backends/cuda/measuring.h"

namespace flame::cuda {
namespace {

constexpr uint64_t kMostWorkspace = uint64_t{32} << 20;
constexpr int kOffered = 8;          // algorithms that are measured: the library names no more
constexpr double kLeastWork = 1e7;   // multiplications that are worth measuring
constexpr uint32_t kAlignment = 16;  // of a tensor's memory, in bytes

cudaDataType_t data_type(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return CUDA_R_64F;
    case FLAME_DTYPE_F32:
      return CUDA_R_32F;
    case FLAME_DTYPE_F16:
      return CUDA_R_16F;
    case FLAME_DTYPE_F8_E4M3:
      return CUDA_R_8F_E4M3;
    case FLAME_DTYPE_F8_E5M2:
      return CUDA_R_8F_E5M2;
    default:
      return CUDA_R_16BF;
  }
}

// How far the last element stands behind the first, and its own size, in bytes.
uint64_t extent(const MatrixStrides &strides, int64_t rows, int64_t columns, int64_t batch,
                flame_dtype dtype) {
  const int64_t elements =
      (rows - 1) * strides.row + (columns - 1) * strides.column + (batch - 1) * strides.batch + 1;
  return static_cast<uint64_t>(elements) * FLAME_DTYPE_BYTES(dtype);
}

std::string to_text(const MatrixStrides &strides) {
  return flame::text(strides.row, ":", strides.column, ":", strides.batch);
}

}  // namespace

bool settle_strides(MatrixStrides &strides, int64_t m, int64_t n) {
  if (n == 1 && (m == 1 || strides.row != 1)) strides.column = 1;
  if (n == 1 && strides.row == 1 && m > 1) strides.column = std::max<int64_t>(m, 1);
  if (m == 1 && strides.column == 1) strides.row = n;
  if (m == 1 && strides.column != 1) strides.row = 1;
  return (strides.column == 1 && strides.row >= n) || (strides.row == 1 && strides.column >= m);
}

Product::Product(const ProductShape &shape) : shape_(shape) {
  settle_strides(shape_.a, shape_.m, shape_.k);
  settle_strides(shape_.b, shape_.k, shape_.n);
  settle_strides(shape_.y, shape_.m, shape_.n);
  if (!has_matrix(shape_.addend) || shape_.c.row == 0) shape_.c = shape_.y;
  settle_strides(shape_.c, shape_.m, shape_.n);
  if (shape_.input_b == 0) shape_.input_b = shape_.input;
}

Product::~Product() {
  if (!lt_) return;
  const CublasLt &functions = lt_->functions();
  for (cublasLtMatrixLayout_t layout : {a_, b_, y_, c_}) {
    if (layout) functions.destroy_layout(layout);
  }
  if (product_) functions.destroy_product(product_);
}

// cuBLASLt thinks in columns: for it a row-major matrix is its transposed one, and so
// yᵀ = bᵀ · aᵀ is computed.
void Product::describe() {
  const CublasLt &functions = lt_->functions();
  const bool wide = shape_.input == FLAME_DTYPE_F64;
  const cublasComputeType_t compute = wide          ? CUBLAS_COMPUTE_64F
                                      : shape_.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                    : CUBLAS_COMPUTE_32F;
  lt_->check(functions.create_product(&product_, compute, wide ? CUDA_R_64F : CUDA_R_32F),
             "cublasLtMatmulDescCreate");
  const auto set = [&](cublasLtMatmulDescAttributes_t name, auto value) {
    lt_->check(functions.set_product(product_, name, &value, sizeof value),
               "cublasLtMatmulDescSetAttribute");
  };
  const bool b_is_plain = shape_.b.column == 1;
  const bool a_is_plain = shape_.a.column == 1;
  set(CUBLASLT_MATMUL_DESC_TRANSA, b_is_plain ? CUBLAS_OP_N : CUBLAS_OP_T);
  set(CUBLASLT_MATMUL_DESC_TRANSB, a_is_plain ? CUBLAS_OP_N : CUBLAS_OP_T);
  if (has_bias(shape_.addend)) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, data_type(shape_.output));
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, uint64_t{kAlignment});  // any, until there is one
  }
  if (shape_.scaled) {
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, uint64_t{kAlignment});
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, uint64_t{kAlignment});
  }
  a_ = b_is_plain ? layout(shape_.input_b, shape_.n, shape_.k, shape_.b.row, shape_.b.batch)
                  : layout(shape_.input_b, shape_.k, shape_.n, shape_.b.column, shape_.b.batch);
  b_ = a_is_plain ? layout(shape_.input, shape_.k, shape_.m, shape_.a.row, shape_.a.batch)
                  : layout(shape_.input, shape_.m, shape_.k, shape_.a.column, shape_.a.batch);
  y_ = layout(shape_.output, shape_.n, shape_.m, shape_.y.row, shape_.y.batch);
  c_ = layout(shape_.output, shape_.n, shape_.m, shape_.c.row, shape_.c.batch);
}

cublasLtMatrixLayout_t Product::layout(flame_dtype type, int64_t rows, int64_t columns,
                                       int64_t apart, int64_t batch_stride) {
  const CublasLt &functions = lt_->functions();
  cublasLtMatrixLayout_t made = nullptr;
  lt_->check(functions.create_layout(&made, data_type(type), static_cast<uint64_t>(rows),
                                     static_cast<uint64_t>(columns), apart),
             "cublasLtMatrixLayoutCreate");
  const auto count = static_cast<int32_t>(shape_.batch);
  functions.set_layout(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count);
  functions.set_layout(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batch_stride,
                       sizeof batch_stride);
  return made;
}

// The library's best guesses, the first the best. Sums over several blocks are joined in the type of
// the arithmetic and in one order: no algorithm that would round twice or add as threads come.
std::vector<Product::Choice> Product::candidates(uint32_t alignment, int most) const {
  const CublasLt &functions = lt_->functions();
  cublasLtMatmulPreference_t preference = nullptr;
  lt_->check(functions.create_preference(&preference), "cublasLtMatmulPreferenceCreate");
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, auto value) {
    functions.set_preference(preference, name, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMostWorkspace);
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment);
  std::vector<cublasLtMatmulHeuristicResult_t> found(static_cast<size_t>(most));
  int count = 0;
  const cublasStatus_t status = functions.find_algorithms(lt_->get(), product_, a_, b_, c_, y_,
                                                          preference, most, found.data(), &count);
  functions.destroy_preference(preference);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_INVALID_VALUE)
    lt_->check(status, "cublasLtMatmulAlgoGetHeuristic");
  std::vector<Choice> out;
  for (int i = 0; i < (status == CUBLAS_STATUS_SUCCESS ? count : 0); ++i) {
    const auto &each = found[static_cast<size_t>(i)];
    if (each.state == CUBLAS_STATUS_SUCCESS) out.push_back({each.algo, each.workspaceSize});
  }
  return out;
}

std::string Product::signature() const {
  return flame::text(
      "cuBLASLt ", lt_->functions().version(), ", product ", flame::dtype_name(shape_.input), " ",
      flame::dtype_name(shape_.output), " ", shape_.batch, "x", shape_.m, "x", shape_.n, "x",
      shape_.k, " ", to_text(shape_.a), " ", to_text(shape_.b), " ", to_text(shape_.y), " ",
      to_text(shape_.c), " addend ", static_cast<int>(shape_.addend), " tf32 ", shape_.tf32,
      shape_.scaled ? flame::text(" scaled, by ", flame::dtype_name(shape_.input_b)) : "");
}

std::optional<size_t> Product::measure(Context &context, const std::vector<Choice> &offered,
                                       bool in_place) const {
  const Scratch scratch(
      context, {extent(shape_.a, shape_.m, shape_.k, shape_.batch, shape_.input),
                extent(shape_.b, shape_.k, shape_.n, shape_.batch, shape_.input_b),
                extent(shape_.y, shape_.m, shape_.n, shape_.batch, shape_.output), kMostWorkspace,
                static_cast<uint64_t>(shape_.n) * FLAME_DTYPE_BYTES(shape_.output),
                has_matrix(shape_.addend) && !in_place
                    ? extent(shape_.c, shape_.m, shape_.n, shape_.batch, shape_.output)
                    : uint64_t{0},
                shape_.scaled ? sizeof(float) : 0, shape_.scaled ? sizeof(float) : 0});
  if (!scratch.ok()) return std::nullopt;
  return quickest(offered.size(), [&](size_t i) {
    return scratch.measure([&](CUstream stream) {
      enqueue(offered[i], stream, scratch.buffer(0), scratch.buffer(1),
              {scratch.buffer(in_place ? 2 : 5), scratch.buffer(4)}, scratch.buffer(2),
              scratch.buffer(3), {scratch.buffer(6), scratch.buffer(7)});
    });
  });
}

// What is kept is the number of the algorithm in the library's list, which is the same for the same
// versions.
Product::Choice Product::choose(Context &context, const std::vector<Choice> &offered,
                                bool in_place) const {
  const std::string question = signature() + (in_place ? " in place" : "");
  const std::optional<std::string> kept = context.find_choice(question);
  const size_t number =
      kept && kept->size() == 1 ? static_cast<size_t>(kept->front() - '0') : SIZE_MAX;
  if (number < offered.size()) return offered[number];
  const std::optional<size_t> chosen = measure(context, offered, in_place);
  if (!chosen) return offered.front();
  context.keep_choice(question, std::string(1, static_cast<char>('0' + *chosen)));
  return offered[*chosen];
}

bool Product::prepare(Context &context, bool measured) {
  lt_ = &context.lt();
  describe();
  const auto element = static_cast<uint32_t>(
      std::min(FLAME_DTYPE_BYTES(shape_.input), FLAME_DTYPE_BYTES(shape_.output)));
  if (!shape_.scaled) {
    const std::vector<Choice> careful = candidates(element, 1);
    if (careful.empty()) return false;
    unaligned_ = careful.front();
  }
  const double work = static_cast<double>(shape_.m) * static_cast<double>(shape_.n) *
                      static_cast<double>(shape_.k) * static_cast<double>(shape_.batch);
  const bool worth = measured && context.measures() && work >= kLeastWork;
  const std::vector<Choice> offered = candidates(kAlignment, worth ? kOffered : 1);
  if (shape_.scaled && offered.empty()) return false;
  aligned_ = offered.empty() ? unaligned_ : offered.front();
  const bool choices = worth && offered.size() > 1;
  if (choices) aligned_ = choose(context, offered, false);
  const bool alike = shape_.c.row == shape_.y.row && shape_.c.column == shape_.y.column &&
                     shape_.c.batch == shape_.y.batch;
  in_place_ =
      choices && alike && has_matrix(shape_.addend) ? choose(context, offered, true) : aligned_;
  workspace_size_ =
      std::max({aligned_.workspace_size, in_place_.workspace_size, unaligned_.workspace_size});
  return true;
}

void Product::run(CUstream stream, const char *a, const char *b, const Added &added, char *y,
                  char *workspace, const Scales &scales) {
  uint64_t places = 0;
  for (const char *address : {a, b, added.matrix, added.bias, static_cast<const char *>(y)})
    places |= reinterpret_cast<uint64_t>(address);
  const bool aligned = shape_.scaled || places % kAlignment == 0;
  const Choice &even = added.matrix == y ? in_place_ : aligned_;
  enqueue(aligned ? even : unaligned_, stream, a, b, added, y, workspace, scales);
}

void Product::set_address(cublasLtMatmulDescAttributes_t name, const char *address) const {
  lt_->check(lt_->functions().set_product(product_, name, &address, sizeof address),
             "cublasLtMatmulDescSetAttribute");
}

void Product::enqueue(const Choice &choice, CUstream stream, const char *a, const char *b,
                      const Added &added, char *y, char *workspace, const Scales &scales) const {
  const CublasLt &functions = lt_->functions();
  const bool wide = shape_.input == FLAME_DTYPE_F64;
  const auto narrow = static_cast<float>(shape_.alpha);
  const double wide_beta = has_matrix(shape_.addend);
  const auto narrow_beta = static_cast<float>(wide_beta);
  if (has_bias(shape_.addend)) set_address(CUBLASLT_MATMUL_DESC_BIAS_POINTER, added.bias);
  if (shape_.scaled) {
    set_address(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, scales.b);
    set_address(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, scales.a);
  }
  const char *c = has_matrix(shape_.addend) ? added.matrix : y;
  lt_->check(functions.multiply(
                 lt_->get(), product_, wide ? static_cast<const void *>(&shape_.alpha) : &narrow, b,
                 a_, a, b_, wide ? static_cast<const void *>(&wide_beta) : &narrow_beta, c, c_, y,
                 y_, &choice.algorithm, workspace, choice.workspace_size, stream),
             "cublasLtMatmul");
}

}  // namespace flame::cuda
