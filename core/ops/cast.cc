// cast: another element type.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", call.dtype(0)));
  call.outputs = {{dtype, call.shape(0)}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  return {apply_one("copy", {use.inputs[0]}, use.attributes)};
}

}  // namespace

OpDefinition define_cast() {
  return {
      .name = "cast",
      .summary = "Another element type.",
      .formula = "y[i] = x[i], converted as the op map stores.",
      .inputs = {{"x", "any type and shape"}},
      .outputs = {{"y", "x's shape"}},
      .attributes = {{"dtype", AttributeKind::kString, std::nullopt, "y's type"}},
      .dtypes = "every type to every type",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "copy",
  };
}

}  // namespace flame::ops
