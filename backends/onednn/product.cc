#include "backends/onednn/product.h"

#include <algorithm>
#include <cstring>

#include "backends/onednn/primitive.h"
#include "backends/onednn/staging.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

using Dims = std::vector<int64_t>;

Dims contiguous_strides(const Dims &shape) {
  Dims strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) {
    strides[axis - 1] = strides[axis] * std::max<int64_t>(shape[axis], 1);
  }
  return strides;
}

// A matrix of which one axis is contiguous and the other does not overlap.
bool is_matrix(const Matrices &matrices) {
  const size_t rank = matrices.shape.size();
  const int64_t rows = matrices.shape[rank - 2];
  const int64_t columns = matrices.shape[rank - 1];
  const int64_t down = matrices.strides[rank - 2];
  const int64_t across = matrices.strides[rank - 1];
  return (across == 1 && down >= columns) || (down == 1 && across >= rows);
}

// Axes that repeat one matrix, which oneDNN knows by their size.
void squeeze_repeats(Matrices &matrices) {
  for (size_t axis = 0; axis + 2 < matrices.shape.size(); ++axis) {
    if (matrices.strides[axis] == 0)
      matrices.shape[axis] = std::min<int64_t>(matrices.shape[axis], 1);
  }
}

// Whether no two elements share a place.
bool is_disjoint(const Matrices &matrices) {
  std::vector<std::pair<int64_t, int64_t>> axes;  // stride and size
  for (size_t axis = 0; axis < matrices.shape.size(); ++axis) {
    if (matrices.shape[axis] != 1) axes.emplace_back(matrices.strides[axis], matrices.shape[axis]);
  }
  std::sort(axes.begin(), axes.end());
  int64_t extent = 1;
  for (const auto &[stride, size] : axes) {
    if (stride < extent) return false;
    extent = stride * size;
  }
  return true;
}

// An axis of size 1 has any stride; these are the ones that make a plain layout.
void settle_strides(Matrices &matrices) {
  const size_t rank = matrices.shape.size();
  for (size_t axis = rank; axis-- > 0;) {
    if (matrices.shape[axis] != 1) continue;
    const size_t other = axis == rank - 1 ? rank - 2 : rank - 1;
    const bool matrix_axis = axis + 2 >= rank;
    if (matrix_axis) {
      const bool other_is_plain = matrices.strides[other] == 1 && matrices.shape[other] != 1;
      const bool plain_row = axis == rank - 1 && !other_is_plain;
      matrices.strides[axis] = plain_row ? 1 : std::max<int64_t>(matrices.shape[other], 1);
    } else {
      matrices.strides[axis] = matrices.shape[axis + 1] * matrices.strides[axis + 1];
    }
  }
}

// Whether the batch axes and the rows are one long axis of rows.
bool rows_are_one_axis(const Matrices &matrices) {
  for (size_t axis = 0; axis + 2 < matrices.shape.size(); ++axis) {
    if (matrices.shape[axis] == 1) continue;
    if (matrices.strides[axis] != matrices.strides[axis + 1] * matrices.shape[axis + 1]) {
      return false;
    }
  }
  return true;
}

bool has_row(Addend addend) {
  return addend == Addend::kRow || addend == Addend::kBoth;
}

bool has_matrices(Addend addend) {
  return addend == Addend::kMatrices || addend == Addend::kBoth;
}

// Where the matrices that are added stand; a row stands at input 2.
constexpr uint32_t kRow = 2;
uint32_t matrices_input(Addend addend) {
  return addend == Addend::kBoth ? kRow + 1 : kRow;
}

class ProductPlan : public OpPlan {
 public:
  ProductPlan(const flame::Op &op, Matrices a, Matrices b, Addend addend)
      : staging_(op), addend_(addend), a_(std::move(a)), b_(std::move(b)) {
    const size_t rank = a_.shape.size();
    y_shape_ = Dims(rank);
    for (size_t axis = 0; axis < rank; ++axis) {
      y_shape_[axis] = a_.shape[axis] == 1 ? b_.shape[axis] : a_.shape[axis];
    }
    y_shape_[rank - 2] = a_.shape[rank - 2];
    y_shape_[rank - 1] = b_.shape[rank - 1];
    inner_ = a_.shape[rank - 1];
    count_ = flame::element_count(op.output(0));
    element_size_ = FLAME_DTYPE_BYTES(op.output(0).dtype);
    if (has_matrices(addend)) info.in_place_mask = 1u << matrices_input(addend);
    if (addend == Addend::kBoth && inner_ == 0)
      throw flame::unsupported(op.name(),
                               " of no features adds no two things at once, but input 0 is ",
                               flame::to_text(op.input(0)));
    if (count_ == 0 || inner_ == 0) return;
    for (Matrices *operand : {&a_, &b_}) {
      squeeze_repeats(*operand);
      settle_strides(*operand);
      if (is_matrix(*operand) && is_disjoint(*operand)) continue;
      refuse(op, operand == &b_);
    }
    for (size_t axis = 0; axis + 2 < rank; ++axis) {
      // Both repeat, and the answer with them.
      if (std::max(a_.shape[axis], b_.shape[axis]) != y_shape_[axis]) refuse(op, 0);
    }
    join_rows();
  }

 private:
  [[noreturn]] static void refuse(const flame::Op &op, uint32_t input) {
    throw flame::unsupported(op.name(),
                             " needs contiguous matrices, or transposed ones, but input ", input,
                             ", ", flame::to_text(op.input(input)), ", is strided");
  }

  // One matrix b for all: the batch becomes rows.
  void join_rows() {
    const size_t rank = a_.shape.size();
    for (size_t axis = 0; axis + 2 < rank; ++axis) {
      if (b_.shape[axis] != 1) return;
    }
    if (!rows_are_one_axis(a_)) return;
    int64_t rows = 1;
    for (size_t axis = 0; axis + 1 < rank; ++axis) rows *= a_.shape[axis];
    a_.shape = {rows, inner_};
    a_.strides = {a_.strides[rank - 2], a_.strides[rank - 1]};
    b_.shape = {inner_, b_.shape[rank - 1]};
    b_.strides = {b_.strides[rank - 2], b_.strides[rank - 1]};
    y_shape_ = {rows, y_shape_[rank - 1]};
    settle_strides(a_);
  }

  dnnl::matmul::primitive_desc describe(const Engine &engine) const {
    const auto layout = [](const Dims &shape, flame_dtype type, const Dims &strides) {
      return dnnl::memory::desc(shape, data_type_of(type), strides);
    };
    const auto a = layout(a_.shape, staging_.input_type(0), a_.strides);
    const auto b = layout(b_.shape, staging_.input_type(1), b_.strides);
    const auto y = layout(y_shape_, staging_.output_type(0), contiguous_strides(y_shape_));
    dnnl::primitive_attr attributes = plan_attributes();
    if (has_matrices(addend_)) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    if (!has_row(addend_)) return {engine.engine, a, b, y, attributes};
    Dims row(y_shape_.size(), 1);
    row.back() = y_shape_.back();
    const auto bias = layout(row, staging_.input_type(kRow), contiguous_strides(row));
    return {engine.engine, a, b, bias, y, attributes};
  }

  void prepare(Engine &engine) override {
    if (count_ == 0 || inner_ == 0) return;
    Workspace workspace(info.workspace_size);
    staging_.reserve(workspace);
    const dnnl::matmul::primitive_desc description = describe(engine);
    std::vector<Argument> arguments = {{DNNL_ARG_SRC, description.src_desc()},
                                       {DNNL_ARG_WEIGHTS, description.weights_desc()},
                                       {DNNL_ARG_DST, description.dst_desc()}};
    if (has_row(addend_)) arguments.push_back({DNNL_ARG_BIAS, description.bias_desc()});
    product_ =
        Primitive(engine, dnnl::matmul(description), description, std::move(arguments), workspace);
  }

  void execute(const Run &run) override {
    if (count_ == 0) return;
    if (inner_ == 0) return fill_without_products(run);
    void *y = staging_.output(run, 0);
    if (has_matrices(addend_)) {
      const void *matrices = staging_.input(run, matrices_input(addend_));
      if (matrices != y)
        std::memcpy(y, matrices,
                    static_cast<size_t>(count_) * FLAME_DTYPE_BYTES(staging_.output_type(0)));
    }
    const void *a = staging_.input(run, 0);
    const void *b = staging_.input(run, 1);
    if (has_row(addend_)) {
      product_.run(run, {a, b, y, staging_.input(run, kRow)});
    } else {
      product_.run(run, {a, b, y});
    }
    staging_.store(run, 0);
  }

  // A sum over nothing: the addend alone.
  void fill_without_products(const Run &run) const {
    char *y = run.output<char>(0);
    const int64_t bytes = count_ * element_size_;
    if (addend_ == Addend::kNone) {
      std::memset(y, 0, static_cast<size_t>(bytes));
    } else if (addend_ == Addend::kMatrices) {
      std::memmove(y, run.input<char>(2), static_cast<size_t>(bytes));
    } else {
      const int64_t row = y_shape_.back() * element_size_;
      for (int64_t at = 0; at < bytes; at += row) {
        std::memcpy(y + at, run.input<char>(2), static_cast<size_t>(row));
      }
    }
  }

  Staging staging_;
  Addend addend_;
  Matrices a_;
  Matrices b_;
  Dims y_shape_;
  int64_t inner_ = 0;
  int64_t count_ = 0;
  int64_t element_size_ = 0;
  Primitive product_;
};

}  // namespace

Matrices::Matrices(const flame_tensor &tensor)
    : shape(tensor.shape, tensor.shape + tensor.rank),
      strides(tensor.strides, tensor.strides + tensor.rank) {}

void Matrices::transpose() {
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
}

void Matrices::widen(size_t rank) {
  const size_t missing = rank - shape.size();
  shape.insert(shape.begin(), missing, 1);
  strides.insert(strides.begin(), missing, 1);
}

std::unique_ptr<OpPlan> plan_product(const flame::Op &op, Matrices a, Matrices b, Addend addend) {
  expect_contiguous(op, "the output", op.output(0));
  for (uint32_t i = kRow; i < op.input_count(); ++i)
    expect_contiguous(op, flame::text("input ", i), op.input(i));
  return std::make_unique<ProductPlan>(op, std::move(a), std::move(b), addend);
}

}  // namespace flame::onednn
