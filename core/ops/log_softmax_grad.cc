// log_softmax_grad: the gradient of log_softmax.
#include "core/ops/catalogue/softmaxes.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &dy = use.inputs[0];
  const Term &y = use.inputs[1];
  const Axes axes{use.attributes.integer("axis")};
  return {map("exp x1; mul t0 x2; sub x0 t1", {dy, y, reduce_wide("sum", dy, axes)}, y.dtype())};
}

}  // namespace

OpDefinition define_log_softmax_grad() {
  return {
      .name = "log_softmax_grad",
      .summary = "The gradient of log_softmax.",
      .formula = "dx = dy - exp(y) · Σ dy along the axis; computed in f32 (f64 for f64).",
      .inputs = {{"dy", "y's shape and type"}, {"y", "the answer of the forward op"}},
      .outputs = {{"dx", "y's shape and type"}},
      .attributes = {{"axis", AttributeKind::kInt, int64_t{-1}, "that of the forward op"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "shares of many are small numbers"},
      .infer = infer_softmax_grad,
      .decompose = decompose,
      .decomposition = "map, reduce",
  };
}

}  // namespace flame::ops
