// rms_norm: each vector brought to mean square 1, then scaled.
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
  if (call.input_count() == 2) FLAME_TRY(expect_shape(call, 1, {x.back(0)}));
  call.outputs = {call.inputs[0], {compute_dtype(call.dtype(0)), without_axis(x, x.rank() - 1)}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Term &rstd = use.outputs[1];
  const bool has_weight = use.inputs.size() > 1;
  std::vector<Term> gradients(use.inputs.size());
  if (use.cotangents[0]) {
    gradients =
        apply("rms_norm_grad", {use.cotangents[0], x, rstd, has_weight ? use.inputs[1] : Term()},
              {{"weight_gradient", has_weight && use.wanted[1]}});
    gradients.resize(use.inputs.size());
  }
  if (!use.wanted[0] || !use.cotangents[1]) return gradients;
  const Term dx = gradients[0] ? gradients[0] : fill(use.builder, x.shape(), 0, x.dtype());
  const Shape column = with_size(x.shape(), x.rank() - 1, 1);
  gradients[0] = with_statistics_gradient(dx, x, Term(), reshape(rstd, column), Term(),
                                          reshape(use.cotangents[1], column),
                                          static_cast<double>(x.size(x.rank() - 1)));
  return gradients;
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes last{static_cast<int64_t>(x.rank()) - 1};
  const Term square = mean(map("square x0", {x}, compute_dtype(x.dtype())), last, true);
  const Term rstd =
      map("add x0 " + write_map_float(use.attributes.number("eps")) + "; rsqrt t0", {square});
  const Term y = use.inputs.size() == 2
                     ? map("mul x0 x1; mul t0 x2", {x, rstd, use.inputs[1]}, x.dtype())
                     : map("mul x0 x1", {x, rstd}, x.dtype());
  return {y, reshape(rstd, use.output_types[1].shape)};
}

}  // namespace

OpDefinition define_rms_norm() {
  return {
      .name = "rms_norm",
      .summary = "Each vector brought to mean square 1, then scaled.",
      .formula =
          "Along the last axis: rstd = 1 / √(mean x² + eps); y = x · rstd · weight. Computed in "
          "f32 (f64 for f64), y "
          "rounded once.",
      .inputs = {{"x", "[…, c]"}, {"weight", "[c]; x's type", OperandCount::kOptional}},
      .outputs = {{"y", "x's shape and type"}, {"rstd", "[…]; f32, or f64 for f64"}},
      .attributes = {eps_attribute(1e-6)},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "its statistics are f32 inside and out"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "rms_norm_grad",
      .decompose = decompose,
      .decomposition = "map, reduce, reshape",
  };
}

}  // namespace flame::ops
