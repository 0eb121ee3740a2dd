// rms_norm_grad: the gradient of rms_norm.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/norms.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

constexpr size_t kWeight = 3;
constexpr size_t kAddend = 4;

Status infer(OpCall &call) {
  for (const size_t i : {size_t{0}, size_t{1}, kWeight, kAddend}) {
    if (i >= call.input_count()) continue;
    FLAME_TRY(expect_computable(call, i));
    FLAME_TRY(expect_same_dtype(call, i, 0));
  }
  FLAME_TRY(expect_rank_at_least(call, 1, 1));
  const Shape &x = call.shape(1);
  FLAME_TRY(expect_shape(call, 0, x));
  FLAME_TRY(expect_dtype(call, 2, compute_dtype(call.dtype(0))));
  FLAME_TRY(expect_shape(call, 2, without_axis(x, x.rank() - 1)));
  call.outputs = {call.inputs[1]};
  if (call.input_count() > kWeight) FLAME_TRY(expect_shape(call, kWeight, {x.back(0)}));
  if (call.input_count() > kAddend) FLAME_TRY(expect_shape(call, kAddend, x));
  if (!call.attributes.flag("weight_gradient")) return {};
  if (call.input_count() <= kWeight)
    return attribute_error("weight_gradient", true, "false without a weight");
  call.outputs.push_back(call.inputs[kWeight]);
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &dy = use.inputs[0];
  const Term &x = use.inputs[1];
  const Axes last{static_cast<int64_t>(x.rank()) - 1};
  const Term rstd = reshape(use.inputs[2], with_size(x.shape(), x.rank() - 1, 1));
  const Term normal = map("mul x0 x1", {x, rstd}, rstd.dtype());
  const Term g = use.inputs.size() > kWeight
                     ? map("mul x0 x1", {dy, use.inputs[kWeight]}, rstd.dtype())
                     : cast(dy, rstd.dtype());
  const Term dx = norm_input_gradient(g, normal, rstd, last, false);
  const Term addend = use.inputs.size() > kAddend ? use.inputs[kAddend] : Term();
  std::vector<Term> outputs{rounded_input_gradient(dx, addend, x.dtype())};
  if (!use.attributes.flag("weight_gradient")) return outputs;
  const Term product = map("mul x0 x1", {dy, normal}, rstd.dtype());
  outputs.push_back(cast(sum(product, axes_from(0, x.rank() - 1)), x.dtype()));
  return outputs;
}

}  // namespace

OpDefinition define_rms_norm_grad() {
  return {
      .name = "rms_norm_grad",
      .summary = "The gradient of rms_norm.",
      .formula =
          "With x̂ = x · rstd and g = dy · weight: dx = rstd · (g - x̂ · mean(g · x̂)) along the last "
          "axis, + addend; dweight = "
          "Σ dy · x̂ over the other axes. Computed in f32 (f64 for f64), dx rounded once.",
      .inputs = {{"dy", "[…, c]"},
                 {"x", "[…, c]; dy's type"},
                 {"rstd", "of rms_norm"},
                 {"weight", "[c]; dy's type", OperandCount::kOptional},
                 {"addend", "x's shape and type; given with a weight alone",
                  OperandCount::kOptional}},
      .outputs = {{"dx", "x's shape and type"},
                  {"dweight", "[c]; with weight_gradient", OperandCount::kOptional}},
      .attributes = {{"weight_gradient", AttributeKind::kBool, false, "give dweight too"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "its statistics are f32 inside and out", 1u << 2},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
}

}  // namespace flame::ops
