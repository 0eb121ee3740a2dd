// modulate: scale and shift by values that depend on a condition.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  for (size_t i = 1; i < 3; ++i) {
    if (!broadcasts_to(call.shape(i), call.shape(0))) {
      return operand_error(call, i, "a shape that broadcasts to x's " + call.shape(0).text());
    }
  }
  call.outputs = {call.inputs[0]};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  return {map("add x2 1.0; mul x0 t0; add t1 x1", use.inputs)};
}

}  // namespace

OpDefinition define_modulate() {
  return {
      .name = "modulate",
      .summary = "Scale and shift by values that depend on a condition.",
      .formula = "y = x · (1 + scale) + shift; computed in f32 (f64 for f64), rounded once.",
      .inputs = {{"x", "any shape"},
                 {"shift", "broadcasts to x; x's type"},
                 {"scale", "broadcasts to x; x's type"}},
      .outputs = {{"y", "x's shape and type"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map",
  };
}

}  // namespace flame::ops
