// log_softmax: the logarithm of softmax.
#include "core/ops/catalogue/softmaxes.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

std::vector<Term> gradient(const OpRewrite &use) {
  return {apply_one("log_softmax_grad", {use.cotangents[0], use.outputs[0]}, use.attributes)};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes axes{use.attributes.integer("axis")};
  const Term largest = reduce("max", x, axes, true);
  const Term power = map("sub x0 x1; exp t0", {x, largest}, compute_dtype(x.dtype()));
  return {map("sub x0 x1; log x2; sub t0 t1", {x, largest, reduce_wide("sum", power, axes)},
              x.dtype())};
}

}  // namespace

OpDefinition define_log_softmax() {
  return {
      .name = "log_softmax",
      .summary = "The logarithm of softmax.",
      .formula =
          "y = x - m - ln Σ exp(x - m) with m = max x, along the axis; computed in f32 (f64 for "
          "f64).",
      .inputs = {{"x", "at least one axis"}},
      .outputs = {{"y", "x's shape and type"}},
      .attributes = {{"axis", AttributeKind::kInt, int64_t{-1},
                      "negative ones count from the end"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "shares of many are small numbers"},
      .infer = infer_softmax,
      .gradient = gradient,
      .gradient_note = "log_softmax_grad",
      .decompose = decompose,
      .decomposition = "map, reduce",
  };
}

}  // namespace flame::ops
