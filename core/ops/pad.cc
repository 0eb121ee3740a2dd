// pad: a constant put around a tensor.
#include <algorithm>
#include <cmath>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &x = call.shape(0);
  FLAME_TRY(expect_length(call, "padding", 2 * x.rank()));
  FLAME_TRY(expect_range(call, "padding", 0, kMaxElementCount / 4));
  const std::vector<int64_t> &padding = call.attributes.integers("padding");
  std::vector<int64_t> sizes = sizes_of(x);
  for (size_t axis = 0; axis < x.rank(); ++axis) {
    sizes[axis] =
        std::min(sizes[axis], kMaxElementCount / 2) + padding[2 * axis] + padding[2 * axis + 1];
  }
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  const double value = call.attributes.number("value");
  if (!is_float(call.dtype(0)) && (std::trunc(value) != value || std::fabs(value) > 0x1p53)) {
    return attribute_error("value", value, "a whole number, at most 2^53");
  }
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const std::vector<int64_t> &padding = use.attributes.integers("padding");
  const double value = use.attributes.number("value");
  Term y = use.inputs[0];
  for (size_t axis = 0; axis < use.inputs[0].rank(); ++axis) {
    const auto border = [&](int64_t count) {
      return fill(use.builder, with_size(y.shape(), axis, count), value, y.dtype());
    };
    std::vector<Term> parts;
    if (padding[2 * axis] > 0) parts.push_back(border(padding[2 * axis]));
    parts.push_back(y);
    if (padding[2 * axis + 1] > 0) parts.push_back(border(padding[2 * axis + 1]));
    y = concat(parts, static_cast<int64_t>(axis));
  }
  return {y};
}

}  // namespace

OpDefinition define_pad() {
  return {
      .name = "pad",
      .summary = "A constant put around a tensor.",
      .formula =
          "y is x with padding[2·a] elements `value` in front and padding[2·a + 1] behind, along "
          "each axis a.",
      .inputs = {{"x", "any shape"}},
      .outputs = {{"y", "x's sizes and the padding"}},
      .attributes = {{"padding", AttributeKind::kInts, std::nullopt,
                      "in front and behind, for each axis; at least 0"},
                     {"value", AttributeKind::kFloat, 0.0, "for integers a whole number"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "concat, fill",
  };
}

}  // namespace flame::ops
