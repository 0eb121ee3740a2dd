// mse: the mean square of a difference.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_shape(call, 1, call.shape(0)));
  FLAME_TRY(expect_choice(call, "reduction", {"mean", "sum", "none"}));
  const bool each = call.attributes.text("reduction") == "none";
  call.outputs = {{compute_dtype(call.dtype(0)), each ? call.shape(0) : Shape()}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const std::string code = "sub x0 x1; square t0";
  return {reduce_loss(map(code, use.inputs, use.output_types[0].dtype),
                      use.attributes.text("reduction"))};
}

}  // namespace

OpDefinition define_mse() {
  return {
      .name = "mse",
      .summary = "The mean square of a difference.",
      .formula = "loss = mean, sum or each of (x - target)²; computed in f32 (f64 for f64).",
      .inputs = {{"x", "any shape"}, {"target", "x's shape and type"}},
      .outputs = {{"loss", "a scalar, or x's shape for \"none\"; f32, or f64 for f64"}},
      .attributes = {{"reduction", AttributeKind::kString, std::string("mean"),
                      "\"mean\", \"sum\" or \"none\""}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "a loss is compared over steps of 1e-3"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce",
  };
}

}  // namespace flame::ops
