// group_norm: the channels of each group brought to mean 0 and variance 1 together, then scaled and
// shifted.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/groups.h"
#include "core/ops/catalogue/norms.h"
#include "core/ops/catalogue/terms.h"
#include "flame/map_code.hpp"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(check_eps(call));
  FLAME_TRY(check_groups(call, 0));
  const Shape &x = call.shape(0);
  for (size_t i = 1; i < call.input_count(); ++i) FLAME_TRY(expect_shape(call, i, {x.back(0)}));
  const TensorType statistics{compute_dtype(call.dtype(0)),
                              {x[0], call.attributes.integer("groups")}};
  call.outputs = {call.inputs[0], statistics, statistics};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Grouped grouped(x.shape(), use.attributes.integer("groups"));
  std::vector<Term> gradients(use.inputs.size());
  if (use.cotangents[0]) {
    std::vector<Term> operands{use.cotangents[0], x, use.outputs[1], use.outputs[2]};
    operands.insert(operands.end(), use.inputs.begin() + 1, use.inputs.end());
    bool weight_gradient = false;
    for (size_t i = 1; i < use.inputs.size(); ++i)
      weight_gradient = weight_gradient || use.wanted[i];
    gradients = apply("group_norm_grad", operands,
                      {{"groups", use.attributes.integer("groups")},
                       {"activation", use.attributes.text("activation")},
                       {"weight_gradient", weight_gradient}});
    gradients.resize(use.inputs.size());
  }
  if (!use.wanted[0] || (!use.cotangents[1] && !use.cotangents[2])) return gradients;
  const Term dx = gradients[0] ? gradients[0] : fill(use.builder, x.shape(), 0, x.dtype());
  const auto wide = [&](const Term &term) {
    return term ? reshape(term, grouped.statistics) : term;
  };
  const double count = static_cast<double>(grouped.whole[1] * grouped.whole[3]);
  const Term total = with_statistics_gradient(
      reshape(dx, grouped.whole), reshape(x, grouped.whole), wide(use.outputs[1]),
      wide(use.outputs[2]), wide(use.cotangents[1]), wide(use.cotangents[2]), count);
  gradients[0] = reshape(total, x.shape());
  return gradients;
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Grouped grouped(use.inputs[0].shape(), use.attributes.integer("groups"));
  const Term x = reshape(use.inputs[0], grouped.whole);
  const Term mean = reduce_wide("mean", x, grouped.axes);
  const Term centred = map("sub x0 x1", {x, mean}, mean.dtype());
  const Term variance = flame::mean(map("square x0", {centred}), grouped.axes, true);
  const Term rstd =
      map("add x0 " + write_map_float(use.attributes.number("eps")) + "; rsqrt t0", {variance});
  std::vector<Term> operands{centred, rstd};
  for (size_t i = 1; i < use.inputs.size(); ++i)
    operands.push_back(reshape(use.inputs[i], grouped.weights));
  const char *codes[] = {"mul x0 x1", "mul x0 x1; mul t0 x2", "mul x0 x1; mul t0 x2; add t1 x3"};
  std::string code = codes[use.inputs.size() - 1];
  if (use.attributes.text("activation") == "silu")
    code += "; silu t" + std::to_string(use.inputs.size() - 1);
  const TensorType &type = use.output_types[0];
  const Shape &statistics = use.output_types[1].shape;
  return {reshape(map(code, operands, type.dtype), type.shape), reshape(mean, statistics),
          reshape(rstd, statistics)};
}

}  // namespace

OpDefinition define_group_norm() {
  OpDefinition op{
      .name = "group_norm",
      .summary =
          "The channels of each group brought to mean 0 and variance 1 together, then scaled and "
          "shifted.",
      .formula =
          "Channels last; group g holds channels g·C to g·C + C - 1 of all places, C = c / groups. "
          "For each n and "
          "group: mean = mean x; rstd = 1 / √(mean (x - mean)² + eps); y = activation((x - mean) · "
          "rstd · weight + "
          "bias). Computed in f32 (f64 for f64), y rounded once.",
      .inputs = {{"x", "[n, …, c]"},
                 {"weight", "[c]; x's type", OperandCount::kOptional},
                 {"bias", "[c]; x's type", OperandCount::kOptional}},
      .outputs = {{"y", "x's shape and type"},
                  {"mean", "[n, groups]; f32, or f64 for f64"},
                  {"rstd", "[n, groups]; f32, or f64 for f64"}},
      .attributes = group_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "its statistics are f32 inside and out"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "group_norm_grad",
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
  op.attributes.push_back(eps_attribute());
  return op;
}

}  // namespace flame::ops
