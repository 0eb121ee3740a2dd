// conv2d_weight_grad: the gradient of conv2d for its weight.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"
#include "core/ops/catalogue/window.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(check_convolution(call));
  FLAME_TRY(expect_length(call, "window", 2));
  const Shape &x = call.shape(0);
  const Shape &dy = call.shape(1);
  const int64_t groups = call.attributes.integer("groups");
  const std::vector<int64_t> &window = call.attributes.integers("window");
  if (x[3] % groups != 0)
    return operand_error(call, 0, fmt::format("channels that {} groups divide", groups));
  if (dy[3] % groups != 0)
    return operand_error(call, 1, fmt::format("channels that {} groups divide", groups));
  FLAME_ASSIGN(const auto windows, windowed_size(call, x[1], x[2], window[0], window[1]));
  if (dy[0] != x[0] || dy[1] != windows[0] || dy[2] != windows[1]) {
    return operand_error(
        call, 1,
        fmt::format("the shape [{}, {}, {}, o], as conv2d gives", x[0], windows[0], windows[1]));
  }
  const int64_t sizes[] = {dy[3], window[0], window[1], x[3] / groups};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Term &dy = use.inputs[1];
  const Term &ddw = use.cotangents[0];
  Attributes attributes;
  for (const auto &[name, value] : use.attributes.entries()) {
    if (name != "window") attributes.set(name, value);
  }
  std::vector<Term> gradients(2);
  if (use.wanted[1]) gradients[1] = apply_one("conv2d", {x, ddw}, attributes);
  if (use.wanted[0]) {
    attributes.set("size", std::vector<int64_t>{x.size(1), x.size(2)});
    gradients[0] = apply_one("conv2d_input_grad", {dy, ddw}, attributes);
  }
  return gradients;
}

double cost(const OpCall &call) {
  return convolution_cost(call.shape(1), call.outputs[0].shape);
}

}  // namespace

OpDefinition define_conv2d_weight_grad() {
  return {
      .name = "conv2d_weight_grad",
      .group = OpGroup::kRequired,
      .summary = "The gradient of conv2d for its weight.",
      .formula =
          "dweight[o, r, s, c] = Σ over n, i, j of dy[n, i, j, o] · x[n, i·stride₀ - top + "
          "r·dilation₀, j·stride₁ - "
          "left + s·dilation₁, g·C + c], with g and C as in conv2d; x is 0 outside. Accumulated in "
          "f32 (f64 for "
          "f64), rounded once.",
      .inputs = {{"x", "[n, h, w, c]"}, {"dy", "[n, h', w', o]; x's type"}},
      .outputs = {{"dweight", "[o, r, s, c / groups]"}},
      .attributes = convolution_attributes(
          {{"window", AttributeKind::kInts, std::nullopt, "r and s of dweight"}}),
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product: fast in narrow types, accumulated in f32"},
      .infer = infer,
      .gradient = gradient,
      .cost = cost,
  };
}

}  // namespace flame::ops
