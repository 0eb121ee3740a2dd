// stop_gradient: a value that no gradient passes.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  call.outputs = call.inputs;
  return {};
}

std::optional<View> resolve(const View &input, const Attributes &, const Shape &) {
  return input;
}

}  // namespace

OpDefinition define_stop_gradient() {
  return {
      .name = "stop_gradient",
      .group = OpGroup::kView,
      .summary = "The same value; no gradient passes it.",
      .formula = "y = x",
      .inputs = {{"x", "any type and shape"}},
      .outputs = {{"y", "x's type and shape"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient_note = "none on purpose",
      .stops_gradient = true,
      .resolve = resolve,
  };
}

}  // namespace flame::ops
