// fill: one number everywhere.
#include <cmath>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_ASSIGN(const Shape shape, shape_attribute(call, "shape"));
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", DType::kF32));
  const double value = call.attributes.number("value");
  if (!is_float(dtype) && (std::trunc(value) != value || std::fabs(value) > 0x1p53)) {
    return attribute_error("value", value,
                           "a whole number, at most 2^53, for " + std::string(name_of(dtype)));
  }
  call.outputs = {{dtype, shape}};
  return {};
}

}  // namespace

OpDefinition define_fill() {
  return {
      .name = "fill",
      .group = OpGroup::kRequired,
      .summary = "One number everywhere.",
      .formula =
          "y[i] = value, converted as the op map stores a float (or, for integers and bool, an "
          "integer).",
      .inputs = {},
      .outputs = {{"y", "`shape`"}},
      .attributes = {{"shape", AttributeKind::kInts, std::nullopt, "the sizes of y"},
                     {"value", AttributeKind::kFloat, std::nullopt, "for integers a whole number"},
                     {"dtype", AttributeKind::kString, std::string(), "y's type; absent: f32"}},
      .dtypes = "all",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kSource, "one number"},
      .infer = infer,
      .gradient_note = "has no inputs",
      .stops_gradient = true,
  };
}

}  // namespace flame::ops
