// copy: the same elements, contiguous, maybe of another type.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", call.dtype(0)));
  call.outputs = {{dtype, call.shape(0)}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  if (!is_float(use.inputs[0].dtype()) || !is_float(use.outputs[0].dtype())) return {Term()};
  return {cast(use.cotangents[0], use.inputs[0].dtype())};
}

}  // namespace

OpDefinition define_copy() {
  return {
      .name = "copy",
      .group = OpGroup::kRequired,
      .summary = "The same elements in new memory, maybe of another type.",
      .formula = "y[i] = x[i], converted as the op map stores: see there. x may have any strides.",
      .inputs = {{"x", "any type and shape"}},
      .outputs = {{"y", "x's shape"}},
      .attributes = {{"dtype", AttributeKind::kString, std::string(), "y's type; absent: x's"}},
      .dtypes = "every type to every type",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .gradient = gradient,
  };
}

}  // namespace flame::ops
