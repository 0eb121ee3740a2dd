// conv2d: two-dimensional convolution (correlation) of images with channels last.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"
#include "core/ops/catalogue/window.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(check_convolution(call));
  const Shape &x = call.shape(0);
  const Shape &weight = call.shape(1);
  const int64_t groups = call.attributes.integer("groups");
  if (x[3] % groups != 0 || weight[3] != x[3] / groups) {
    return operand_error(
        call, 1,
        fmt::format("{} input channels: {} of x in {} groups", x[3] / groups, x[3], groups));
  }
  if (weight[0] % groups != 0) {
    return operand_error(call, 1,
                         fmt::format("a number of output channels that {} groups divide", groups));
  }
  if (call.input_count() == 3) FLAME_TRY(expect_shape(call, 2, {weight[0]}));
  FLAME_ASSIGN(const auto size, windowed_size(call, x[1], x[2], weight[1], weight[2]));
  const int64_t sizes[] = {x[0], size[0], size[1], weight[0]};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Term &weight = use.inputs[1];
  const Term &dy = use.cotangents[0];
  std::vector<Term> gradients(use.inputs.size());
  if (use.wanted[0]) {
    Attributes attributes = use.attributes;
    attributes.set("size", std::vector<int64_t>{x.size(1), x.size(2)});
    gradients[0] = apply_one("conv2d_input_grad", {dy, weight}, attributes);
  }
  if (use.wanted[1]) {
    Attributes attributes = use.attributes;
    attributes.set("window", std::vector<int64_t>{weight.size(1), weight.size(2)});
    gradients[1] = apply_one("conv2d_weight_grad", {x, dy}, attributes);
  }
  if (use.inputs.size() == 3 && use.wanted[2]) gradients[2] = sum(dy, {0, 1, 2});
  return gradients;
}

double cost(const OpCall &call) {
  return convolution_cost(call.outputs[0].shape, call.shape(1));
}

}  // namespace

OpDefinition define_conv2d() {
  return {
      .name = "conv2d",
      .group = OpGroup::kRequired,
      .summary =
          "Two-dimensional convolution of images with channels last; the kernel is not flipped.",
      .formula =
          "y[n, i, j, o] = bias[o] + Σ over r, s, c of x[n, i·stride₀ - top + r·dilation₀, "
          "j·stride₁ - left + "
          "s·dilation₁, g·C + c] · weight[o, r, s, c], where C is weight's last size and g = o / "
          "(O / groups) the "
          "group of o. x is 0 outside. h' = (h + top + bottom - dilation₀·(r - 1) - 1) / stride₀ + "
          "1, rounded down. "
          "Accumulated in f32 (f64 for f64), rounded once.",
      .inputs = {{"x", "[n, h, w, c]"},
                 {"weight", "[o, r, s, c / groups]; x's type"},
                 {"bias", "[o]; x's type", OperandCount::kOptional}},
      .outputs = {{"y", "[n, h', w', o]"}},
      .attributes = convolution_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product: fast in narrow types, accumulated in f32"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "conv2d_input_grad and conv2d_weight_grad",
      .cost = cost,
  };
}

}  // namespace flame::ops
