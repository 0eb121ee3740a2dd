// broadcast_to: axes of size 1 repeated.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_ASSIGN(const Shape shape, shape_attribute(call, "shape"));
  if (!broadcasts_to(call.shape(0), shape)) {
    return operand_error(call, 0, "a shape that broadcasts to " + shape.text());
  }
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  return {sum_to(use.cotangents[0], use.inputs[0].shape())};
}

std::optional<View> resolve(const View &input, const Attributes &, const Shape &output) {
  return flame::broadcast_to(input, output);
}

}  // namespace

OpDefinition define_broadcast_to() {
  return {
      .name = "broadcast_to",
      .group = OpGroup::kView,
      .summary = "Axes of size 1 repeated, and new axes in front.",
      .formula =
          "y[…, i, j] = x[…, i or 0, j or 0]: x is aligned at the last axis, and an axis of size 1 "
          "repeats.",
      .inputs = {{"x", "a shape that broadcasts to `shape`"}},
      .outputs = {{"y", "`shape`"}},
      .attributes = {{"shape", AttributeKind::kInts, std::nullopt, "the sizes of y"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
      .resolve = resolve,
  };
}

}  // namespace flame::ops
