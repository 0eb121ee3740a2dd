// gather: slices of a tensor, chosen by indices.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &x = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", x.rank()));
  FLAME_TRY(expect_integer(call, 1));
  std::vector<int64_t> sizes(x.begin(), x.begin() + axis);
  sizes.insert(sizes.end(), call.shape(1).begin(), call.shape(1).end());
  sizes.insert(sizes.end(), x.begin() + axis + 1, x.end());
  const Result<Shape> shape = Shape::make(sizes);
  if (!shape.ok())
    return operand_error(call, 1, "indices for an answer that is possible: " + shape.error().what);
  call.outputs = {{call.dtype(0), *shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Term zeros = fill(use.builder, x.shape(), 0, x.dtype());
  return {scatter_add(zeros, use.inputs[1], use.cotangents[0], use.attributes.integer("axis")),
          Term()};
}

}  // namespace

OpDefinition define_gather() {
  return {
      .name = "gather",
      .group = OpGroup::kRequired,
      .summary = "Slices of a tensor along an axis, chosen by indices.",
      .formula =
          "y[outer…, i…, inner…] = x[outer…, indices[i…], inner…], where outer are the axes of x "
          "before the axis and inner those behind it. An index outside [0, size) gives 0.",
      .inputs = {{"x", "any type; at least one axis"}, {"indices", "i64 or i32; any shape"}},
      .outputs = {{"y", "x's shape with the indices' shape in place of the axis"}},
      .attributes = {{"axis", AttributeKind::kInt, int64_t{0}, "negative ones count from the end"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
  };
}

}  // namespace flame::ops
