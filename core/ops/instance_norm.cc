// instance_norm: each channel of each image brought to mean 0 and variance 1.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/norms.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(check_eps(call));
  FLAME_TRY(expect_rank_at_least(call, 0, 2));
  const Shape &x = call.shape(0);
  if (x.back(0) == 0) return operand_error(call, 0, "at least one channel");
  for (size_t i = 1; i < call.input_count(); ++i) FLAME_TRY(expect_shape(call, i, {x.back(0)}));
  call.outputs = {call.inputs[0]};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const int64_t channels = use.inputs[0].shape().back(0);
  return {apply_one("group_norm", use.inputs,
                    {{"groups", channels}, {"eps", use.attributes.number("eps")}})};
}

}  // namespace

OpDefinition define_instance_norm() {
  return {
      .name = "instance_norm",
      .summary =
          "Each channel of each image brought to mean 0 and variance 1, then scaled and shifted.",
      .formula = "group_norm with a group for each channel.",
      .inputs = {{"x", "[n, …, c]"},
                 {"weight", "[c]; x's type", OperandCount::kOptional},
                 {"bias", "[c]; x's type", OperandCount::kOptional}},
      .outputs = {{"y", "x's shape and type"}},
      .attributes = {eps_attribute()},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "its statistics are f32 inside"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
}

}  // namespace flame::ops
