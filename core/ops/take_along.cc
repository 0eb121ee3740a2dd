// take_along: elements along an axis, each chosen by an index of its own.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &x = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", x.rank()));
  FLAME_TRY(expect_integer(call, 1));
  FLAME_TRY(expect_rank(call, 1, x.rank()));
  const Shape &indices = call.shape(1);
  // Compared without the axis: a shape that cannot be is never made.
  if (without_axis(indices, axis) != without_axis(x, axis)) {
    return operand_error(call, 1, "x's sizes but for the axis: " + call.inputs[0].text());
  }
  call.outputs = {{call.dtype(0), indices}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Term places =
      flat_places(use.inputs[1], x.shape(), static_cast<size_t>(use.attributes.integer("axis")));
  return {gather(reshape(x, {x.shape().element_count()}), places, 0)};
}

}  // namespace

OpDefinition define_take_along() {
  return {
      .name = "take_along",
      .summary = "Elements along an axis, each chosen by an index of its own.",
      .formula = "y[…, i, …] = x[…, indices[…, i, …], …] along the axis. An index outside gives 0.",
      .inputs = {{"x", "at least one axis"}, {"indices", "i64 or i32; x's shape but for the axis"}},
      .outputs = {{"y", "the indices' shape; x's type"}},
      .attributes = {{"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "gather, iota, map, reshape",
  };
}

}  // namespace flame::ops
