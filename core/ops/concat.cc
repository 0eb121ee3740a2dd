// concat: tensors one behind the other along an axis.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  if (call.inputs.empty()) return plugin_error("has no inputs, expected at least one");
  const Shape &first = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", first.rank()));
  std::vector<int64_t> sizes = sizes_of(first);
  for (size_t i = 1; i < call.input_count(); ++i) {
    FLAME_TRY(expect_rank(call, i, first.rank()));
    if (call.dtype(i) != call.dtype(0))
      return operand_error(call, i, "the type of the first, " + call.inputs[0].text());
    if (with_size(call.shape(i), axis, 0) != with_size(first, axis, 0)) {
      return operand_error(call, i, "the sizes of the first but for the axis: " + first.text());
    }
    if (sizes[axis] > kMaxElementCount - call.shape(i)[axis])
      return operand_error(call, i, "fewer elements together");
    sizes[axis] += call.shape(i)[axis];
  }
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const int64_t axis = use.attributes.integer("axis");
  std::vector<Term> gradients;
  int64_t start = 0;
  for (size_t i = 0; i < use.inputs.size(); ++i) {
    const int64_t count = use.inputs[i].size(static_cast<size_t>(axis));
    gradients.push_back(use.wanted[i] ? slice(use.cotangents[0], axis, start, count) : Term());
    start += count;
  }
  return gradients;
}

}  // namespace

OpDefinition define_concat() {
  return {
      .name = "concat",
      .group = OpGroup::kRequired,
      .summary = "Tensors one behind the other along an axis.",
      .formula =
          "Along the axis, y holds the elements of the first input, then those of the second, and "
          "so on.",
      .inputs = {{"x", "one type; equal sizes but for the axis; at least one input",
                  OperandCount::kMany}},
      .outputs = {{"y", "the inputs' sizes, at the axis their sum"}},
      .attributes = {{"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
  };
}

}  // namespace flame::ops
