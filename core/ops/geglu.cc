// geglu: one half of the channels, gated by the other half.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_TRY(expect_rank_at_least(call, 0, 1));
  FLAME_TRY(expect_choice(call, "activation", {"gelu", "gelu_tanh", "silu"}));
  const Shape &x = call.shape(0);
  if (x.back(0) % 2 != 0) return operand_error(call, 0, "an even last size");
  call.outputs = {{call.dtype(0), with_size(x, x.rank() - 1, x.back(0) / 2)}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  return {apply_one("geglu_grad", {use.cotangents[0], use.inputs[0]}, use.attributes)};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const auto last = static_cast<int64_t>(x.rank()) - 1;
  const int64_t half = x.shape().back(0) / 2;
  return {map(use.attributes.text("activation") + " x1; mul x0 t0",
              {slice(x, last, 0, half), slice(x, last, half, half)})};
}

}  // namespace

OpDefinition define_geglu() {
  return {
      .name = "geglu",
      .summary = "One half of the channels, gated by the other half.",
      .formula =
          "y[…, i] = x[…, i] · activation(x[…, c/2 + i]); computed in f32 (f64 for f64), rounded "
          "once.",
      .inputs = {{"x", "[…, c], c even"}},
      .outputs = {{"y", "[…, c/2]"}},
      .attributes = {{"activation", AttributeKind::kString, std::string("gelu"),
                      "\"gelu\", \"gelu_tanh\" or \"silu\""}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "geglu_grad",
      .decompose = decompose,
      .decomposition = "map, slice",
  };
}

}  // namespace flame::ops
