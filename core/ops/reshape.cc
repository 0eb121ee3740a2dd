// reshape: the same elements in row-major order under another shape.
#include <fmt/core.h>

#include <algorithm>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

// Puts the one -1 right, so that the counts agree.
Status resolve_open_size(OpCall &call) {
  std::vector<int64_t> sizes = call.attributes.integers("shape");
  const auto open = std::ranges::find(sizes, -1);
  if (open == sizes.end()) return {};
  *open = 1;
  const Result<Shape> rest = Shape::make(sizes);
  const int64_t known = rest.ok() ? rest->element_count() : 0;
  const int64_t count = call.shape(0).element_count();
  if (known == 0 || count % known != 0) {
    return attribute_error(
        "shape", call.attributes.integers("shape"),
        fmt::format("sizes of which one can be derived from {} elements", count));
  }
  *open = count / known;
  call.attributes.set("shape", sizes);
  return {};
}

Status infer(OpCall &call) {
  FLAME_TRY(resolve_open_size(call));
  FLAME_ASSIGN(const Shape shape, shape_attribute(call, "shape"));
  if (shape.element_count() != call.shape(0).element_count()) {
    return operand_error(
        call, 0,
        fmt::format("{} elements, as the shape {} has", shape.element_count(), shape.text()));
  }
  call.outputs = {{call.dtype(0), shape}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  return {reshape(use.cotangents[0], use.inputs[0].shape())};
}

std::optional<View> resolve(const View &input, const Attributes &, const Shape &output) {
  return flame::reshape(input, output);
}

}  // namespace

OpDefinition define_reshape() {
  return {
      .name = "reshape",
      .group = OpGroup::kView,
      .summary = "The same elements under another shape.",
      .formula = "y's elements in row-major order are x's in row-major order.",
      .inputs = {{"x", "any shape"}},
      .outputs = {{"y", "`shape`"}},
      .attributes = {{"shape", AttributeKind::kInts, std::nullopt,
                      "as many elements as x; one size may be -1 and is derived"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
      .resolve = resolve,
  };
}

}  // namespace flame::ops
