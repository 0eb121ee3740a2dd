// conv_transpose2d: the transposed convolution.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"
#include "core/ops/catalogue/window.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(check_convolution(call));
  FLAME_TRY(expect_length(call, "output_padding", 2));
  FLAME_TRY(expect_range(call, "output_padding", 0, int64_t{1} << 28));
  const Shape &x = call.shape(0);
  const Shape &weight = call.shape(1);
  const int64_t groups = call.attributes.integer("groups");
  if (x[3] != weight[0] || weight[0] % groups != 0) {
    return operand_error(call, 1,
                         fmt::format("{} input channels as x has, in {} groups", x[3], groups));
  }
  if (weight[3] > kMaxElementCount / groups) return operand_error(call, 1, "fewer channels");
  if (call.input_count() == 3) FLAME_TRY(expect_shape(call, 2, {weight[3] * groups}));
  int64_t sizes[] = {x[0], 0, 0, weight[3] * groups};
  for (size_t axis = 0; axis < 2; ++axis) {
    const WindowAxis window = window_axis(call.attributes, axis, 0, weight[1 + axis]);
    const int64_t extra = call.attributes.integers("output_padding")[axis];
    if (extra >= window.stride)
      return attribute_error("output_padding", extra, "less than the stride");
    const bool sane = x[1 + axis] >= 1 && x[1 + axis] <= (int64_t{1} << 28) && window.window >= 1 &&
                      window.window <= (int64_t{1} << 28);
    if (!sane)
      return operand_error(call, 0, "at least one row and column, at most 2^28, and such a window");
    const int64_t size =
        (x[1 + axis] - 1) * window.stride + window.span() + extra - window.before - window.after;
    if (size < 1)
      return attribute_error("padding", call.attributes.integers("padding"),
                             "less, so that an image is left");
    sizes[1 + axis] = size;
  }
  FLAME_ASSIGN(const auto windows, windowed_size(call, sizes[1], sizes[2], weight[1], weight[2]));
  if (windows[0] != x[1] || windows[1] != x[2])
    return operand_error(call, 0, "a size that a convolution can give");
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Shape &shape = use.output_types[0].shape;
  Attributes attributes;
  for (const auto &[name, value] : use.attributes.entries()) {
    if (name != "output_padding") attributes.set(name, value);
  }
  attributes.set("size", std::vector<int64_t>{shape[1], shape[2]});
  const Term y = apply_one("conv2d_input_grad", {use.inputs[0], use.inputs[1]}, attributes);
  return {use.inputs.size() == 3 ? y + use.inputs[2] : y};
}

double cost(const OpCall &call) {
  return convolution_cost(call.shape(0), call.shape(1));
}

}  // namespace

OpDefinition define_conv_transpose2d() {
  return {
      .name = "conv_transpose2d",
      .summary = "The transposed convolution of images with channels last.",
      .formula =
          "y = conv2d_input_grad(x, weight) + bias, with h' = (h - 1)·stride₀ - top - bottom + "
          "dilation₀·(r - 1) + "
          "output_padding₀ + 1, likewise w'.",
      .inputs = {{"x", "[n, h, w, i]"},
                 {"weight", "[i, r, s, o / groups]; x's type"},
                 {"bias", "[o]; x's type", OperandCount::kOptional}},
      .outputs = {{"y", "[n, h', w', o]"}},
      .attributes = convolution_attributes(
          {{"output_padding", AttributeKind::kInts, std::vector<int64_t>{0, 0},
            "rows and columns more; less than the stride"}}),
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product: fast in narrow types, accumulated in f32"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "conv2d_input_grad, map",
      .cost = cost,
  };
}

}  // namespace flame::ops
