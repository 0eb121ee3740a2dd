// cumsum: running sums along an axis.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const bool whole = call.dtype(0) == DType::kI64 || call.dtype(0) == DType::kI32;
  if (!is_computable(call.dtype(0)) && !whole)
    return operand_error(call, 0, "f64, f32, bf16, f16, i64 or i32");
  FLAME_ASSIGN([[maybe_unused]] const size_t axis, normal_axis(call, "axis", call.shape(0).rank()));
  call.outputs = {call.inputs[0]};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  Attributes attributes = use.attributes;
  attributes.set("reverse", !attributes.flag("reverse"));
  return {apply_one("cumsum", {use.cotangents[0]}, attributes)};
}

}  // namespace

OpDefinition define_cumsum() {
  return {
      .name = "cumsum",
      .group = OpGroup::kRequired,
      .summary = "Running sums along an axis.",
      .formula =
          "y[i] = Σ of x[k] along the axis over k ≤ i; over k < i if exclusive; with reverse over "
          "k ≥ i and k > i. "
          "Accumulated in f32 (f64 for f64), each answer rounded once; integers wrap.",
      .inputs = {{"x", "at least one axis"}},
      .outputs = {{"y", "x's shape"}},
      .attributes = {{"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"},
                     {"exclusive", AttributeKind::kBool, false, "leave out the element itself"},
                     {"reverse", AttributeKind::kBool, false, "sum from the end"}},
      .dtypes = "f64, f32, bf16, f16, i64, i32",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kWide, "sums that grow swallow small terms"},
      .infer = infer,
      .gradient = gradient,
  };
}

}  // namespace flame::ops
