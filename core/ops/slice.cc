// slice: some of the elements along one axis, in steps.
#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  const Shape &shape = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", shape.rank()));
  const int64_t size = shape[axis];
  const int64_t start = call.attributes.integer("start");
  const int64_t count = call.attributes.integer("count");
  const int64_t step = call.attributes.integer("step");
  if (step == 0 || step < -kMaxElementCount || step > kMaxElementCount) {
    return attribute_error("step", step, "a number other than 0, within ±2^59");
  }
  if (start < 0 || start > size) {
    return attribute_error("start", start, fmt::format("0 to {}, the size of axis {}", size, axis));
  }
  // Through the room that is left, so that no product overflows.
  const int64_t room =
      step > 0 ? (size - start + step - 1) / step : (start < size ? start / -step + 1 : 0);
  if (count < 0 || count > room) {
    return attribute_error("count", count,
                           fmt::format("0 to {}: axis {} of {} from {} in steps of {}", room, axis,
                                       shape.text(), start, step));
  }
  call.outputs = {{call.dtype(0), with_size(shape, axis, count)}};
  return {};
}

Term zeros(const Term &like, size_t axis, int64_t count) {
  return fill(like.builder(), with_size(like.shape(), axis, count), 0, like.dtype());
}

// Puts step - 1 zeros behind each element along the axis, but for the last element.
Term spread(const Term &x, size_t axis, int64_t step) {
  const Shape shape = x.shape();
  const int64_t count = shape[axis];
  if (step == 1 || count <= 1) return x;
  // Outer axes, the axis, the zeros, inner axes: four, so that no rank is too high.
  int64_t outer = 1;
  int64_t inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  for (size_t i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const Term column = reshape(x, {outer, count, 1, inner});
  const Term wide =
      reshape(concat({column, zeros(column, 2, step - 1)}, 2), {outer, count * step, inner});
  const int64_t length = (count - 1) * step + 1;
  return reshape(slice(wide, 1, 0, length), with_size(shape, axis, length));
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const size_t axis = static_cast<size_t>(use.attributes.integer("axis"));
  const int64_t count = use.attributes.integer("count");
  if (count == 0) return {Term()};
  int64_t start = use.attributes.integer("start");
  int64_t step = use.attributes.integer("step");
  Term dy = use.cotangents[0];
  if (step < 0) {
    dy = slice(dy, static_cast<int64_t>(axis), count - 1, count, -1);
    start += (count - 1) * step;
    step = -step;
  }
  if (x.shape().element_count() > kMaxElementCount / 4) {
    use.builder.fail(plugin_error("op 'slice': the gradient of a slice of " + x.type().text() +
                                  " is too large"));
    return {Term()};
  }
  dy = spread(dy, axis, step);
  const int64_t after = x.size(axis) - start - dy.size(axis);
  std::vector<Term> parts;
  if (start > 0) parts.push_back(zeros(dy, axis, start));
  parts.push_back(dy);
  if (after > 0) parts.push_back(zeros(dy, axis, after));
  return {concat(parts, static_cast<int64_t>(axis))};
}

std::optional<View> resolve(const View &input, const Attributes &attributes, const Shape &) {
  return flame::slice(input, static_cast<size_t>(attributes.integer("axis")),
                      attributes.integer("start"), attributes.integer("count"),
                      attributes.integer("step"));
}

}  // namespace

OpDefinition define_slice() {
  return {
      .name = "slice",
      .group = OpGroup::kView,
      .summary = "Some of the elements along one axis, in steps that may be negative.",
      .formula = "Element i of y along the axis is element start + i·step of x.",
      .inputs = {{"x", "any shape with at least one axis"}},
      .outputs = {{"y", "x's shape with `count` at the axis"}},
      .attributes = {{"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"},
                     {"start", AttributeKind::kInt, int64_t{0}, "the first element taken"},
                     {"count", AttributeKind::kInt, std::nullopt,
                      "how many; all of them lie inside x"},
                     {"step", AttributeKind::kInt, int64_t{1}, "not 0"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
      .resolve = resolve,
  };
}

}  // namespace flame::ops
