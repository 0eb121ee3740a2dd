// group_norm_grad: the gradient of group_norm.
#include <algorithm>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/groups.h"
#include "core/ops/catalogue/norms.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

constexpr size_t kWeight = 4;
constexpr size_t kAddend = 6;

Status infer(OpCall &call) {
  for (const size_t i : {0, 1, 4, 5, 6}) {
    if (i >= call.input_count()) continue;
    FLAME_TRY(expect_computable(call, i));
    FLAME_TRY(expect_same_dtype(call, i, 0));
  }
  FLAME_TRY(check_groups(call, 1));
  const Shape &x = call.shape(1);
  FLAME_TRY(expect_shape(call, 0, x));
  for (size_t i = 2; i < 4; ++i) {
    FLAME_TRY(expect_dtype(call, i, compute_dtype(call.dtype(0))));
    FLAME_TRY(expect_shape(call, i, {x[0], call.attributes.integer("groups")}));
  }
  for (size_t i = kWeight; i < std::min(call.input_count(), kAddend); ++i)
    FLAME_TRY(expect_shape(call, i, {x.back(0)}));
  if (call.input_count() > kAddend) FLAME_TRY(expect_shape(call, kAddend, x));
  call.outputs = {call.inputs[1]};
  if (!call.attributes.flag("weight_gradient")) return {};
  if (call.input_count() <= kWeight)
    return attribute_error("weight_gradient", true, "false without a weight");
  call.outputs.insert(call.outputs.end(), 2, call.inputs[kWeight]);
  return {};
}

// The gradient of what goes into the activation.
Term before_activation(const OpRewrite &use, const Term &dy, const Term &normal,
                       const Grouped &grouped) {
  if (use.attributes.text("activation").empty()) return cast(dy, normal.dtype());
  std::vector<Term> operands{dy, normal};
  for (size_t i = kWeight; i < std::min(use.inputs.size(), kAddend); ++i)
    operands.push_back(reshape(use.inputs[i], grouped.weights));
  // d silu(z) = sigmoid(z) · (1 + z · (1 - sigmoid(z)))
  const char *inner[] = {"mul x1 1.0; add t0 0.0", "mul x1 x2; add t0 0.0", "mul x1 x2; add t0 x3"};
  const std::string code = std::string(inner[operands.size() - 2]) +
                           "; sigmoid t1; sub 1.0 t2; mul t1 t3; add t4 1.0; mul t2 t5; mul x0 t6";
  return map(code, operands, normal.dtype());
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Grouped grouped(use.inputs[1].shape(), use.attributes.integer("groups"));
  const Term x = reshape(use.inputs[1], grouped.whole);
  const Term mean = reshape(use.inputs[2], grouped.statistics);
  const Term rstd = reshape(use.inputs[3], grouped.statistics);
  const Term normal = map("sub x0 x1; mul t0 x2", {x, mean, rstd}, rstd.dtype());
  const Term dz = before_activation(use, reshape(use.inputs[0], grouped.whole), normal, grouped);
  const Term g =
      use.inputs.size() > kWeight
          ? map("mul x0 x1", {dz, reshape(use.inputs[kWeight], grouped.weights)}, rstd.dtype())
          : dz;
  const Term addend = use.inputs.size() > kAddend ? use.inputs[kAddend] : Term();
  const Term dx = rounded_input_gradient(norm_input_gradient(g, normal, rstd, grouped.axes, true),
                                         addend, x.dtype());
  std::vector<Term> outputs{reshape(dx, use.inputs[1].shape())};
  if (!use.attributes.flag("weight_gradient")) return outputs;
  const Shape channels = use.inputs[kWeight].shape();
  outputs.push_back(cast(reshape(sum(dz * normal, {0, 1}), channels), x.dtype()));
  outputs.push_back(cast(reshape(sum(dz, {0, 1}), channels), x.dtype()));
  return outputs;
}

}  // namespace

OpDefinition define_group_norm_grad() {
  OpDefinition op{
      .name = "group_norm_grad",
      .summary = "The gradient of group_norm.",
      .formula =
          "With x̂ = (x - mean) · rstd, z = x̂ · weight + bias, dz = dy · activation'(z) and g = dz "
          "· weight: dx = rstd "
          "· (g - mean g - x̂ · mean(g · x̂)) over each group, + addend; dweight = Σ dz · x̂ and "
          "dbias = Σ dz over n and the places. Computed in f32 (f64 for f64), dx rounded once.",
      .inputs = {{"dy", "[n, …, c]"},
                 {"x", "[n, …, c]; dy's type"},
                 {"mean", "of group_norm"},
                 {"rstd", "of group_norm"},
                 {"weight", "[c]; dy's type", OperandCount::kOptional},
                 {"bias", "[c]; dy's type", OperandCount::kOptional},
                 {"addend", "x's shape and type; given with weight and bias alone",
                  OperandCount::kOptional}},
      .outputs = {{"dx", "x's shape and type"},
                  {"dweight", "[c]; with weight_gradient", OperandCount::kOptional},
                  {"dbias", "[c]; with weight_gradient", OperandCount::kOptional}},
      .attributes = group_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "its statistics are f32 inside and out",
                    1u << 2 | 1u << 3},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
  op.attributes.push_back(
      {"weight_gradient", AttributeKind::kBool, false, "give dweight and dbias too"});
  return op;
}

}  // namespace flame::ops
