// permute: the axes in another order.
#include <algorithm>
#include <array>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &shape = call.shape(0);
  std::vector<int64_t> axes = call.attributes.integers("axes");
  std::array<bool, kMaxRank> seen{};
  bool right = axes.size() == shape.rank();
  for (size_t i = 0; right && i < axes.size(); ++i) {
    if (axes[i] < 0) axes[i] += static_cast<int64_t>(shape.rank());
    right = axes[i] >= 0 && axes[i] < static_cast<int64_t>(shape.rank()) &&
            !seen[static_cast<size_t>(axes[i])];
    if (right) seen[static_cast<size_t>(axes[i])] = true;
  }
  if (!right)
    return attribute_error("axes", call.attributes.integers("axes"),
                           "each axis of x once: x is " + shape.text());
  call.attributes.set("axes", axes);
  call.outputs = {{call.dtype(0), flame::permute(View::contiguous(shape), axes).shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Axes &axes = use.attributes.integers("axes");
  Axes back(axes.size());
  for (size_t i = 0; i < axes.size(); ++i)
    back[static_cast<size_t>(axes[i])] = static_cast<int64_t>(i);
  return {permute(use.cotangents[0], back)};
}

std::optional<View> resolve(const View &input, const Attributes &attributes, const Shape &) {
  return flame::permute(input, attributes.integers("axes"));
}

}  // namespace

OpDefinition define_permute() {
  return {
      .name = "permute",
      .group = OpGroup::kView,
      .summary = "The axes in another order.",
      .formula = "Axis i of y is axis axes[i] of x.",
      .inputs = {{"x", "any shape"}},
      .outputs = {{"y", "x's sizes in the new order"}},
      .attributes = {{"axes", AttributeKind::kInts, std::nullopt, "each axis of x once"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
      .resolve = resolve,
  };
}

}  // namespace flame::ops
