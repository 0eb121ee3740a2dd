// argreduce: where the maximum or minimum along an axis stands.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_choice(call, "kind", {"max", "min"}));
  const bool whole = call.dtype(0) == DType::kI64 || call.dtype(0) == DType::kI32;
  if (!is_computable(call.dtype(0)) && !whole)
    return operand_error(call, 0, "f64, f32, bf16, f16, i64 or i32");
  const Shape &shape = call.shape(0);
  FLAME_ASSIGN(const size_t axis, normal_axis(call, "axis", shape.rank()));
  if (shape[axis] == 0) return operand_error(call, 0, "at least one element along the axis");
  const bool keep = call.attributes.flag("keep_dims");
  call.outputs = {{DType::kI64, keep ? with_size(shape, axis, 1) : without_axis(shape, axis)}};
  return {};
}

}  // namespace

OpDefinition define_argreduce() {
  return {
      .name = "argreduce",
      .group = OpGroup::kRequired,
      .summary = "The index of the maximum or minimum along an axis.",
      .formula =
          "y = the first index along the axis where x is NaN or, without NaN, where it is largest "
          "(smallest).",
      .inputs = {{"x", "at least one element along the axis"}},
      .outputs = {{"y", "i64; x's shape without the axis, or with 1 there"}},
      .attributes = {{"kind", AttributeKind::kString, std::nullopt, "\"max\" or \"min\""},
                     {"axis", AttributeKind::kInt, std::nullopt,
                      "negative ones count from the end"},
                     {"keep_dims", AttributeKind::kBool, false, "keep the axis with size 1"}},
      .dtypes = "f64, f32, bf16, f16, i64, i32; y is i64",
      .agreement = Agreement::kExact,
      .precision = {PrecisionRole::kFollow,
                    "picks elements; ties must not appear by rounding alone"},
      .infer = infer,
      .gradient_note = "its answer is a whole number",
      .stops_gradient = true,
  };
}

}  // namespace flame::ops
