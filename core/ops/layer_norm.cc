// layer_norm: each vector brought to mean 0 and variance 1, then scaled and shifted.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/norms.h"
#include "core/ops/catalogue/terms.h"
#include "flame/map_code.hpp"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(check_eps(call));
  FLAME_TRY(expect_rank_at_least(call, 0, 1));
  const Shape &x = call.shape(0);
  for (size_t i = 1; i < call.input_count(); ++i) FLAME_TRY(expect_shape(call, i, {x.back(0)}));
  const TensorType statistics{compute_dtype(call.dtype(0)), without_axis(x, x.rank() - 1)};
  call.outputs = {call.inputs[0], statistics, statistics};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Term &mean = use.outputs[1];
  const Term &rstd = use.outputs[2];
  const bool has_weight = use.inputs.size() > 1;
  std::vector<Term> gradients(use.inputs.size());
  if (use.cotangents[0]) {
    const bool weight_gradient =
        has_weight && (use.wanted[1] || (use.inputs.size() > 2 && use.wanted[2]));
    gradients = apply("layer_norm_grad",
                      {use.cotangents[0], x, mean, rstd, has_weight ? use.inputs[1] : Term()},
                      {{"weight_gradient", weight_gradient}});
    gradients.resize(use.inputs.size());
  }
  if (!use.wanted[0] || (!use.cotangents[1] && !use.cotangents[2])) return gradients;
  const Term dx = gradients[0] ? gradients[0] : fill(use.builder, x.shape(), 0, x.dtype());
  const Shape column = with_size(x.shape(), x.rank() - 1, 1);
  const auto wide = [&](const Term &term) { return term ? reshape(term, column) : term; };
  gradients[0] =
      with_statistics_gradient(dx, x, wide(mean), wide(rstd), wide(use.cotangents[1]),
                               wide(use.cotangents[2]), static_cast<double>(x.size(x.rank() - 1)));
  return gradients;
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes last{static_cast<int64_t>(x.rank()) - 1};
  const Term mean = reduce_wide("mean", x, last);
  const Term centred = map("sub x0 x1", {x, mean}, mean.dtype());
  const Term variance = flame::mean(map("square x0", {centred}), last, true);
  const Term rstd =
      map("add x0 " + write_map_float(use.attributes.number("eps")) + "; rsqrt t0", {variance});
  std::vector<Term> operands{centred, rstd};
  operands.insert(operands.end(), use.inputs.begin() + 1, use.inputs.end());
  const char *codes[] = {"mul x0 x1", "mul x0 x1; mul t0 x2", "mul x0 x1; mul t0 x2; add t1 x3"};
  const Shape &statistics = use.output_types[1].shape;
  return {map(codes[use.inputs.size() - 1], operands, x.dtype()), reshape(mean, statistics),
          reshape(rstd, statistics)};
}

}  // namespace

OpDefinition define_layer_norm() {
  return {
      .name = "layer_norm",
      .summary = "Each vector brought to mean 0 and variance 1, then scaled and shifted.",
      .formula =
          "Along the last axis: mean = mean x; rstd = 1 / √(mean (x - mean)² + eps); y = (x - "
          "mean) · rstd · weight + "
          "bias. Computed in f32 (f64 for f64), y rounded once.",
      .inputs = {{"x", "[…, c]"},
                 {"weight", "[c]; x's type", OperandCount::kOptional},
                 {"bias", "[c]; x's type", OperandCount::kOptional}},
      .outputs = {{"y", "x's shape and type"},
                  {"mean", "[…]; f32, or f64 for f64"},
                  {"rstd", "[…]; f32, or f64 for f64"}},
      .attributes = {eps_attribute()},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "its statistics are f32 inside and out"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "layer_norm_grad",
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
}

}  // namespace flame::ops
