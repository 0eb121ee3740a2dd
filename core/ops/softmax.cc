// softmax: numbers along an axis as shares of one.
#include "core/ops/catalogue/softmaxes.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

std::vector<Term> gradient(const OpRewrite &use) {
  return {apply_one("softmax_grad", {use.cotangents[0], use.outputs[0]}, use.attributes)};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes axes{use.attributes.integer("axis")};
  const Term largest = reduce("max", x, axes, true);
  const Term power = map("sub x0 x1; exp t0", {x, largest}, compute_dtype(x.dtype()));
  return {map("div x0 x1", {power, reduce_wide("sum", power, axes)}, x.dtype())};
}

}  // namespace

OpDefinition define_softmax() {
  return {
      .name = "softmax",
      .summary = "Numbers along an axis as shares of one.",
      .formula =
          "y = exp(x - m) / Σ exp(x - m) with m = max x, along the axis; computed in f32 (f64 for "
          "f64).",
      .inputs = {{"x", "at least one axis"}},
      .outputs = {{"y", "x's shape and type"}},
      .attributes = {{"axis", AttributeKind::kInt, int64_t{-1},
                      "negative ones count from the end"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "shares of many are small numbers"},
      .infer = infer_softmax,
      .gradient = gradient,
      .gradient_note = "softmax_grad",
      .decompose = decompose,
      .decomposition = "map, reduce",
  };
}

}  // namespace flame::ops
