// top_k: the largest values along an axis, in falling order.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const bool whole = call.dtype(0) == DType::kI64 || call.dtype(0) == DType::kI32;
  if (!is_computable(call.dtype(0)) && !whole)
    return operand_error(call, 0, "f64, f32, bf16, f16, i64 or i32");
  const Shape &x = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", x.rank()));
  FLAME_TRY(expect_range(call, "k", 0, x[axis]));
  const Shape shape = with_size(x, axis, call.attributes.integer("k"));
  call.outputs = {{call.dtype(0), shape}, {DType::kI64, shape}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const int64_t axis = use.attributes.integer("axis");
  const int64_t k = use.attributes.integer("k");
  const std::vector<Term> sorted =
      apply("sort", {use.inputs[0]}, {{"axis", axis}, {"descending", true}});
  return {slice(sorted[0], axis, 0, k), slice(sorted[1], axis, 0, k)};
}

}  // namespace

OpDefinition define_top_k() {
  return {
      .name = "top_k",
      .summary = "The largest values along an axis, in falling order, and where they stood.",
      .formula = "The first k of sort with descending.",
      .inputs = {{"x", "at least k elements along the axis"}},
      .outputs = {{"values", "x's shape with k at the axis"}, {"indices", "the same; i64"}},
      .attributes = {{"axis", AttributeKind::kInt, int64_t{-1}, "negative ones count from the end"},
                     {"k", AttributeKind::kInt, std::nullopt, "how many"}},
      .dtypes = "f64, f32, bf16, f16, i64, i32",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow,
                    "picks elements; ties must not appear by rounding alone"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "slice, sort",
  };
}

}  // namespace flame::ops
