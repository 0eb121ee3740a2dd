#include "backends/cuda/product_plan.h"

#include <algorithm>

#include "backends/cuda/elementwise.h"
#include "backends/cuda/shallow_product.h"
#include "backends/cuda/tall_product.h"
#include "backends/cuda/thin_product.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

// The batch axes of a, b, y and c, as few as there can be; those before the last are a loop of calls.
Axes batch_axes(const Matrices &a, const Matrices &b, const Matrices &y, const Matrices &c) {
  const size_t count = y.shape.size() - 2;
  const auto repeated = [&](const Matrices &operand) {
    Sizes strides(operand.strides.begin(), operand.strides.begin() + static_cast<int64_t>(count));
    for (size_t axis = 0; axis < count; ++axis) {
      if (operand.shape[axis] == 1) strides[axis] = 0;
    }
    return strides;
  };
  return merged_axes(Sizes(y.shape.begin(), y.shape.end() - 2),
                     {repeated(a), repeated(b), repeated(y), repeated(c)});
}

MatrixStrides matrix_of(const Matrices &operand) {
  const size_t rank = operand.shape.size();
  return {operand.strides[rank - 2], operand.strides[rank - 1], 0};
}

class ProductPlan : public OpPlan {
 public:
  ProductPlan(const flame::Op &op, const Target &target, const Matrices &a, const Matrices &b,
              Addend addend, ProductInputs inputs)
      : addend_(addend), inputs_(inputs) {
    const flame_tensor &out = op.output(0);
    const size_t rank = a.shape.size();
    Matrices y(out);
    y.widen(rank);
    Matrices c = y;
    if (has_matrix(addend)) {
      c = Matrices(op.input(inputs.matrix));
      c.widen(rank);
    }
    shape_.input = op.input(0).dtype;
    shape_.input_b = op.input(1).dtype;
    shape_.scaled = inputs.scales != 0;
    shape_.output = out.dtype;
    shape_.m = y.shape[rank - 2];
    shape_.n = y.shape[rank - 1];
    shape_.k = a.shape[rank - 1];
    shape_.a = matrix_of(a);
    shape_.b = matrix_of(b);
    shape_.y = matrix_of(y);
    shape_.c = matrix_of(c);
    shape_.addend = addend;
    shape_.tf32 = target.tf32 && shape_.input == FLAME_DTYPE_F32;
    count_ = flame::element_count(out);
    size_ = static_cast<uint64_t>(count_) * FLAME_DTYPE_BYTES(out.dtype);
    if (has_matrix(addend)) info.in_place_mask = uint64_t{1} << inputs.matrix;
    if (count_ == 0) return;
    if (addend != Addend::kNone) spread_addend(op);
    if (shape_.k == 0) {
      expect_contiguous(op, "the output", out);
      return;
    }
    take_batches(batch_axes(a, b, y, c));
    if (!settle_strides(shape_.a, shape_.m, shape_.k)) refuse(op, "input 0", op.input(0));
    if (!settle_strides(shape_.b, shape_.k, shape_.n)) refuse(op, "input 1", op.input(1));
    expect_rows(op, "the output", out, shape_.y);
    if (has_matrix(addend)) expect_rows(op, "the addend", op.input(inputs.matrix), shape_.c);
    if (shape_.scaled) expect_even_rows(op);
    if (calls_.size() == 1) choose_own(target);
  }

  std::vector<KernelSource> kernels() const override {
    std::vector<KernelSource> sources;
    if (own_) sources.push_back(own_->source);
    if (count_ != 0 && addend_ != Addend::kNone) sources.push_back(spread_.source);
    return sources;
  }

 private:
  struct Offsets {
    int64_t a, b, y, c;  // bytes
  };

  [[noreturn]] static void refuse(const flame::Op &op, std::string_view name,
                                  const flame_tensor &tensor) {
    throw flame::unsupported(op.name(), " needs matrices of contiguous rows or columns, but ", name,
                             ", ", flame::to_text(tensor), ", is strided");
  }

  void choose_own(const Target &target) {
    own_ = thin_product_launch(shape_, target);
    if (!own_) own_ = shallow_product_launch(shape_, inputs_.matrix, target);
    if (!own_) own_ = tall_product_launch(shape_, target);
  }

  // y and c have contiguous rows that do not overlap.
  void expect_rows(const flame::Op &op, std::string_view name, const flame_tensor &tensor,
                   MatrixStrides &strides) const {
    const bool is_plain = settle_strides(strides, shape_.m, shape_.n) && strides.column == 1 &&
                          strides.row >= shape_.n && strides.batch >= 0;
    if (!is_plain) refuse(op, name, tensor);
  }

  // Of f8 the library has kernels for memory at even places alone.
  void expect_even_rows(const flame::Op &op) const {
    const auto size_y = static_cast<int64_t>(FLAME_DTYPE_BYTES(shape_.output));
    uint64_t places =
        places_ | static_cast<uint64_t>(shape_.a.row | shape_.b.column | shape_.y.row * size_y);
    places |= op.input(0).byte_offset | op.input(1).byte_offset | op.output(0).byte_offset;
    const bool plain = shape_.a.column == 1 && shape_.b.row == 1;
    if (plain && places % 16 == 0 && calls_.size() == 1 && shape_.batch == 1) return;
    throw flame::unsupported(op.name(),
                             " of f8 needs rows at one distance and at multiples of 16 bytes, but "
                             "was given ",
                             flame::to_text(op.input(0)), ", ", flame::to_text(op.input(1)),
                             " and ", flame::to_text(op.output(0)));
  }

  // y = what is added, for sums over nothing and where cuBLASLt adds no bias itself. There a bias and
  // an addend are rounded to y's type before the product is added, as by two ops.
  void spread_addend(const flame::Op &op) {
    const flame_tensor &y = op.output(0);
    const Sizes shape = sizes_of(y);
    ElementwiseWork work{shape, {}, {whole_view(0, y, shape)}};
    const auto take = [&](uint32_t input) {
      work.inputs.push_back(whole_view(input, op.input(input), shape));
    };
    if (has_bias(addend_)) take(inputs_.bias);
    if (has_matrix(addend_)) take(inputs_.matrix);
    spread_ = elementwise_launch(addend_ == Addend::kBoth ? "add x0 x1" : "-> x0", work);
  }

  void take_batches(Axes axes) {
    // One matrix b for all, and a's batch a longer column of rows: one product.
    if (axes.size() == 1 && axes[0].strides[1] == 0) {
      if (shape_.m == 1) {
        shape_.a.row = axes[0].strides[0];
        shape_.y.row = axes[0].strides[2];
        shape_.c.row = axes[0].strides[3];
      }
      if (axes[0].strides[0] == shape_.m * shape_.a.row &&
          axes[0].strides[2] == shape_.m * shape_.y.row &&
          axes[0].strides[3] == shape_.m * shape_.c.row) {
        shape_.m *= axes[0].size;
        axes.clear();
      }
    }
    if (!axes.empty()) {
      const Axis inner = axes.back();
      axes.pop_back();
      shape_.batch = inner.size;
      shape_.a.batch = inner.strides[0];
      shape_.b.batch = inner.strides[1];
      shape_.y.batch = inner.strides[2];
      shape_.c.batch = inner.strides[3];
    }
    calls_ = {{0, 0, 0, 0}};
    for (const Axis &axis : axes) {
      std::vector<Offsets> longer;
      for (const Offsets &each : calls_) {
        for (int64_t i = 0; i < axis.size; ++i) longer.push_back(moved(each, axis, i));
      }
      calls_ = std::move(longer);
    }
    for (const Offsets &each : calls_)
      places_ |= static_cast<uint64_t>(each.a | each.b | each.y | each.c);
  }

  Offsets moved(const Offsets &from, const Axis &axis, int64_t i) const {
    const int64_t input = i * FLAME_DTYPE_BYTES(shape_.input);
    const int64_t input_b = i * FLAME_DTYPE_BYTES(shape_.input_b);
    const int64_t output = i * FLAME_DTYPE_BYTES(shape_.output);
    return {from.a + input * axis.strides[0], from.b + input_b * axis.strides[1],
            from.y + output * axis.strides[2], from.c + output * axis.strides[3]};
  }

  void prepare(Context &context) override {
    if (count_ == 0) return;
    if (addend_ != Addend::kNone) kernel_ = context.kernel(spread_.source);
    if (shape_.k == 0) return;
    if (own_) own_kernel_ = context.kernel(own_->source);
    uint64_t most = 0;
    const auto prepared = [&](const ProductShape &shape, bool measured) {
      auto product = std::make_unique<Product>(shape);
      if (!product->prepare(context, measured)) product.reset();
      if (product) most = std::max(most, product->workspace_size());
      return product;
    };
    product_ = prepared(shape_, !own_);
    if (has_bias(addend_)) {
      ProductShape onto = shape_;
      onto.addend = Addend::kMatrix;
      onto.c = onto.y;
      onto_ = prepared(onto, !product_);
    }
    if (!product_ && !onto_) throw flame::failed(op(), ": cuBLASLt has no such product");
    workspace_ = reserve(most);
  }

  void execute(const Run &run) override {
    if (count_ == 0) return;
    char *y = address_of(*run.outputs[0]);
    Added added;
    if (has_matrix(addend_)) added.matrix = address_of(*run.inputs[inputs_.matrix]);
    if (has_bias(addend_)) added.bias = address_of(*run.inputs[inputs_.bias]);
    if (shape_.k == 0) {
      if (added.bias || (added.matrix && added.matrix != y)) enqueue(spread_, *kernel_, run, op());
      if (addend_ == Addend::kNone)
        check(driver().fill_bytes(reinterpret_cast<CUdeviceptr>(y), 0, size_, run.stream),
              "cuMemsetD8Async");
      return;
    }
    const char *a = address_of(*run.inputs[0]);
    const char *b = address_of(*run.inputs[1]);
    if (own_ && is_even({a, b, added.matrix, y})) return enqueue(*own_, *own_kernel_, run, op());
    Scales scales;
    if (shape_.scaled) {
      scales = {address_of(*run.inputs[inputs_.scales]),
                address_of(*run.inputs[inputs_.scales + 1])};
    }
    // cuBLASLt adds a bias itself only at even places.
    const bool onto = onto_ && (!product_ || !is_even({a, b, added.matrix, added.bias, y}));
    if (onto) enqueue(spread_, *kernel_, run, op());
    for (const Offsets &each : calls_) {
      Added here{added.matrix ? added.matrix + each.c : nullptr, added.bias};
      if (onto) here = {y + each.y, nullptr};
      (onto ? onto_ : product_)
          ->run(run.stream, a + each.a, b + each.b, here, y + each.y, run.workspace + workspace_,
                scales);
    }
  }

  bool is_even(std::initializer_list<const char *> addresses) const {
    uint64_t places = places_;
    for (const char *address : addresses) places |= reinterpret_cast<uint64_t>(address);
    return places % 16 == 0;
  }

  ProductShape shape_;
  Addend addend_;  // of the op
  ProductInputs inputs_;
  int64_t count_ = 0;
  uint64_t size_ = 0;
  std::vector<Offsets> calls_;
  uint64_t places_ = 0;               // of all calls, in bytes
  std::unique_ptr<Product> product_;  // with the op's addend
  std::unique_ptr<Product> onto_;     // for a bias: onto y, which holds it already
  uint64_t workspace_ = 0;
  KernelLaunch spread_;
  std::shared_ptr<const Kernel> kernel_;
  std::optional<KernelLaunch> own_;  // in the product's place where all addresses are even
  std::shared_ptr<const Kernel> own_kernel_;
};

}  // namespace

void Matrices::transpose() {
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
}

void Matrices::widen(size_t rank) {
  const size_t missing = rank - shape.size();
  shape.insert(shape.begin(), missing, 1);
  strides.insert(strides.begin(), missing, 0);
}

void expect_product_types(const flame::Op &op) {
  const flame_dtype dtype = op.input(0).dtype;
  if (computes_in_f32(dtype) || dtype == FLAME_DTYPE_F64) return;
  throw flame::unsupported(op.name(), " takes f64, f32, bf16 and f16, but input 0 is ",
                           flame::dtype_name(dtype));
}

std::unique_ptr<OpPlan> plan_product(const flame::Op &op, const Target &target, Matrices a,
                                     Matrices b, Addend addend, ProductInputs inputs) {
  return std::make_unique<ProductPlan>(op, target, a, b, addend, inputs);
}

}  // namespace flame::cuda
