// scatter_add: slices added to a tensor at places chosen by indices.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &base = call.shape(0);
  const bool whole = call.dtype(0) == DType::kI64 || call.dtype(0) == DType::kI32;
  if (!is_computable(call.dtype(0)) && !whole)
    return operand_error(call, 0, "f64, f32, bf16, f16, i64 or i32");
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", base.rank()));
  FLAME_TRY(expect_integer(call, 1));
  FLAME_TRY(expect_same_dtype(call, 2, 0));
  std::vector<int64_t> sizes(base.begin(), base.begin() + axis);
  sizes.insert(sizes.end(), call.shape(1).begin(), call.shape(1).end());
  sizes.insert(sizes.end(), base.begin() + axis + 1, base.end());
  const Result<Shape> shape = Shape::make(sizes);
  if (!shape.ok())
    return operand_error(call, 1, "indices for updates that are possible: " + shape.error().what);
  FLAME_TRY(expect_shape(call, 2, *shape));
  call.outputs = {call.inputs[0]};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &dy = use.cotangents[0];
  return {dy, Term(),
          use.wanted[2] ? gather(dy, use.inputs[1], use.attributes.integer("axis")) : Term()};
}

}  // namespace

OpDefinition define_scatter_add() {
  return {
      .name = "scatter_add",
      .group = OpGroup::kRequired,
      .summary = "Slices added to a tensor at places along an axis, chosen by indices.",
      .formula =
          "y = base; then, for all i… in row-major order, y[outer…, indices[i…], inner…] += "
          "updates[outer…, i…, "
          "inner…]. Each element is accumulated in f32 (f64 for f64) and rounded once. An update "
          "with an index "
          "outside [0, size) is left out.",
      .inputs = {{"base", "at least one axis"},
                 {"indices", "i64 or i32; any shape"},
                 {"updates",
                  "base's type; base's shape with the indices' shape in place of the axis"}},
      .outputs = {{"y", "base's shape"}},
      .attributes = {{"axis", AttributeKind::kInt, int64_t{0}, "negative ones count from the end"}},
      .dtypes = "f64, f32, bf16, f16, i64, i32",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kWide, "many terms add up in one place"},
      .infer = infer,
      .gradient = gradient,
  };
}

}  // namespace flame::ops
