// iota: numbers in even steps along an axis.
#include <cmath>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_ASSIGN(const Shape shape, shape_attribute(call, "shape"));
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", DType::kI64));
  FLAME_ASSIGN([[maybe_unused]] const size_t axis, normal_axis(call, "axis", shape.rank()));
  if (!is_computable(dtype) && dtype != DType::kI64 && dtype != DType::kI32) {
    return attribute_error("dtype", call.attributes.text("dtype"),
                           "f64, f32, bf16, f16, i64 or i32");
  }
  for (const std::string_view name : {"start", "step"}) {
    const double value = call.attributes.number(name);
    const bool whole = std::trunc(value) == value && std::fabs(value) <= 0x1p53;
    if (!std::isfinite(value) || (is_integer(dtype) && !whole)) {
      return attribute_error(
          name, value, is_integer(dtype) ? "a whole number, at most 2^53" : "a finite number");
    }
  }
  call.outputs = {{dtype, shape}};
  return {};
}

}  // namespace

OpDefinition define_iota() {
  return {
      .name = "iota",
      .group = OpGroup::kRequired,
      .summary = "Numbers in even steps along an axis.",
      .formula =
          "y[…, i, …] = start + step·i, where i counts along the axis. Integers are computed in 64 "
          "bits and wrap; "
          "floats are computed in f64, product and sum rounded one after the other, and rounded to "
          "y's type.",
      .inputs = {},
      .outputs = {{"y", "`shape`"}},
      .attributes = {{"shape", AttributeKind::kInts, std::nullopt,
                      "the sizes of y; at least one axis"},
                     {"axis", AttributeKind::kInt, int64_t{-1}, "negative ones count from the end"},
                     {"start", AttributeKind::kFloat, 0.0, "the first number"},
                     {"step", AttributeKind::kFloat, 1.0, "what each next number is more"},
                     {"dtype", AttributeKind::kString, std::string(), "y's type; absent: i64"}},
      .dtypes = "f64, f32, bf16, f16, i64, i32",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kSource,
                    "counts are exact in f32 up to 2^24, in bf16 up to 256"},
      .infer = infer,
      .gradient_note = "has no inputs",
      .stops_gradient = true,
  };
}

}  // namespace flame::ops
