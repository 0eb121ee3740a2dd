// norm: the Euclidean length over axes.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_ASSIGN(const std::vector<int64_t> axes, normal_axes(call, "axes", call.shape(0).rank()));
  call.outputs = {
      {call.dtype(0), without_axes(call.shape(0), axes, call.attributes.flag("keep_dims"))}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes &axes = use.attributes.integers("axes");
  const Term squares = map("square x0", {x}, compute_dtype(x.dtype()));
  return {map("sqrt x0", {reshape(sum(squares, axes), use.output_types[0].shape)}, x.dtype())};
}

}  // namespace

OpDefinition define_norm() {
  return {
      .name = "norm",
      .summary = "The Euclidean length over axes.",
      .formula = "y = √(Σ x²) over each group; computed in f32 (f64 for f64), rounded once.",
      .inputs = {{"x", "any shape"}},
      .outputs = {{"y", "x's shape without the axes, or with 1 there"}},
      .attributes = {{"axes", AttributeKind::kInts, std::nullopt,
                      "each once; negative ones count from the end"},
                     {"keep_dims", AttributeKind::kBool, false, "keep the axes with size 1"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "sums of squares leave f16's range and bf16's digits"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
}

}  // namespace flame::ops
