// sort: values in order along an axis, and where they stood.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const bool whole = call.dtype(0) == DType::kI64 || call.dtype(0) == DType::kI32;
  if (!is_computable(call.dtype(0)) && !whole)
    return operand_error(call, 0, "f64, f32, bf16, f16, i64 or i32");
  FLAME_ASSIGN([[maybe_unused]] const size_t axis, normal_axis(call, "axis", call.shape(0).rank()));
  call.outputs = {call.inputs[0], {DType::kI64, call.shape(0)}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &dy = use.cotangents[0];
  if (!dy) return {Term()};
  const Term places = flat_places(use.outputs[1], use.inputs[0].shape(),
                                  static_cast<size_t>(use.attributes.integer("axis")));
  const Shape flat{dy.shape().element_count()};
  const Term zeros = fill(use.builder, flat, 0, dy.dtype());
  return {reshape(scatter_add(zeros, reshape(places, flat), reshape(dy, flat), 0), dy.shape())};
}

}  // namespace

OpDefinition define_sort() {
  return {
      .name = "sort",
      .group = OpGroup::kRequired,
      .summary = "Values in order along an axis, and where they stood.",
      .formula =
          "Along the axis, values = x in rising order, or falling if descending; indices = where "
          "each stood in x. "
          "Equal values (-0 equals 0) keep x's order either way; NaN counts as larger than every "
          "number.",
      .inputs = {{"x", "at least one axis"}},
      .outputs = {{"values", "x's shape and type"}, {"indices", "x's shape; i64"}},
      .attributes = {{"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"},
                     {"descending", AttributeKind::kBool, false, "the largest first"}},
      .dtypes = "f64, f32, bf16, f16, i64, i32",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow,
                    "picks elements; ties must not appear by rounding alone"},
      .infer = infer,
      .gradient = gradient,
  };
}

}  // namespace flame::ops
