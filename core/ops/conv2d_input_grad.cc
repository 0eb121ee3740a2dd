// conv2d_input_grad: the gradient of conv2d for its image; also the transposed convolution.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"
#include "core/ops/catalogue/window.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(check_convolution(call));
  FLAME_TRY(expect_length(call, "size", 2));
  FLAME_TRY(expect_range(call, "size", 0, kMaxElementCount));
  const Shape &dy = call.shape(0);
  const Shape &weight = call.shape(1);
  const int64_t groups = call.attributes.integer("groups");
  const std::vector<int64_t> &size = call.attributes.integers("size");
  if (dy[3] != weight[0] || weight[0] % groups != 0) {
    return operand_error(call, 1,
                         fmt::format("{} output channels as dy has, in {} groups", dy[3], groups));
  }
  FLAME_ASSIGN(const auto windows, windowed_size(call, size[0], size[1], weight[1], weight[2]));
  if (dy[1] != windows[0] || dy[2] != windows[1]) {
    return operand_error(call, 0,
                         fmt::format("{} by {} places, as conv2d gives", windows[0], windows[1]));
  }
  if (weight[3] > kMaxElementCount / groups) return operand_error(call, 1, "fewer channels");
  const int64_t sizes[] = {dy[0], size[0], size[1], weight[3] * groups};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &dy = use.inputs[0];
  const Term &weight = use.inputs[1];
  const Term &ddx = use.cotangents[0];
  Attributes attributes;
  for (const auto &[name, value] : use.attributes.entries()) {
    if (name != "size") attributes.set(name, value);
  }
  std::vector<Term> gradients(2);
  if (use.wanted[0]) gradients[0] = apply_one("conv2d", {ddx, weight}, attributes);
  if (use.wanted[1]) {
    attributes.set("window", std::vector<int64_t>{weight.size(1), weight.size(2)});
    gradients[1] = apply_one("conv2d_weight_grad", {ddx, dy}, attributes);
  }
  return gradients;
}

double cost(const OpCall &call) {
  return convolution_cost(call.shape(0), call.shape(1));
}

}  // namespace

OpDefinition define_conv2d_input_grad() {
  return {
      .name = "conv2d_input_grad",
      .group = OpGroup::kRequired,
      .summary = "The gradient of conv2d for its image.",
      .formula =
          "dx[n, h, w, g·C + c] = Σ dy[n, i, j, o] · weight[o, r, s, c] over the o of group g and "
          "all i, j, r, s "
          "with i·stride₀ - top + r·dilation₀ = h and j·stride₁ - left + s·dilation₁ = w. "
          "Accumulated in f32 (f64 "
          "for f64), rounded once.",
      .inputs = {{"dy", "[n, h', w', o]"}, {"weight", "[o, r, s, c / groups]; dy's type"}},
      .outputs = {{"dx", "[n, h, w, c]"}},
      .attributes =
          convolution_attributes({{"size", AttributeKind::kInts, std::nullopt, "h and w of dx"}}),
      .dtypes = "f64, f32, bf16, f16",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kNarrow, "a product: fast in narrow types, accumulated in f32"},
      .infer = infer,
      .gradient = gradient,
      .cost = cost,
  };
}

}  // namespace flame::ops
