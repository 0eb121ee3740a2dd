// split: a tensor cut into parts along an axis.
#include <fmt/core.h>

#include <algorithm>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &x = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", x.rank()));
  FLAME_TRY(expect_range(call, "sizes", 0, x[axis]));
  int64_t total = 0;
  for (const int64_t size : call.attributes.integers("sizes")) {
    total = std::min(total + size, kMaxElementCount);
    call.outputs.push_back({call.dtype(0), with_size(x, axis, size)});
  }
  if (total == x[axis] && !call.outputs.empty()) return {};
  return attribute_error("sizes", call.attributes.integers("sizes"),
                         fmt::format("sizes that add up to {}", x[axis]));
}

std::vector<Term> gradient(const OpRewrite &use) {
  std::vector<Term> parts;
  for (size_t i = 0; i < use.outputs.size(); ++i) {
    const TensorType &type = use.output_types[i];
    parts.push_back(use.cotangents[i] ? use.cotangents[i]
                                      : fill(use.builder, type.shape, 0, type.dtype));
  }
  return {concat(parts, use.attributes.integer("axis"))};
}

std::vector<Term> decompose(const OpRewrite &use) {
  std::vector<Term> parts;
  int64_t start = 0;
  for (const int64_t size : use.attributes.integers("sizes")) {
    parts.push_back(slice(use.inputs[0], use.attributes.integer("axis"), start, size));
    start += size;
  }
  return parts;
}

}  // namespace

OpDefinition define_split() {
  return {
      .name = "split",
      .summary = "A tensor cut into parts along an axis.",
      .formula = "Output i holds the next sizes[i] elements along the axis.",
      .inputs = {{"x", "at least one axis"}},
      .outputs = {{"parts", "x's shape with sizes[i] at the axis", OperandCount::kMany}},
      .attributes = {{"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"},
                     {"sizes", AttributeKind::kInts, std::nullopt, "add up to x's size"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "concat",
      .decompose = decompose,
      .decomposition = "slice",
  };
}

}  // namespace flame::ops
