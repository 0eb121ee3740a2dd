// attention: scaled dot-product attention of many heads.
#include "core/ops/catalogue/attention_rules.h"
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(check_attention(call, {0, 3}));
  const Shape &q = call.shape(0);
  const int64_t sizes[] = {q[0], q[1], q[2], call.shape(2)[3]};
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  call.outputs = {{call.dtype(0), shape}, {compute_dtype(call.dtype(0)), {q[0], q[2], q[1]}}};
  return {};
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term mask = use.inputs.size() == 4 ? use.inputs[3] : Term();
  const Term &y = use.outputs[0];
  const Term dy =
      use.cotangents[0] ? use.cotangents[0] : fill(use.builder, y.shape(), 0, y.dtype());
  std::vector<Term> gradients;
  if (use.cotangents[1]) {
    const AttentionTerms terms(use.attributes, use.inputs[0], use.inputs[1], use.inputs[2], mask);
    gradients = attention_backward(terms, dy, y, use.outputs[1], use.cotangents[1]);
  } else {
    Attributes attributes = use.attributes;
    attributes.set("mask_gradient", mask && use.wanted[3]);
    gradients = apply("attention_grad",
                      {dy, use.inputs[0], use.inputs[1], use.inputs[2], y, use.outputs[1], mask},
                      attributes);
  }
  gradients.resize(use.inputs.size());
  return gradients;
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term mask = use.inputs.size() == 4 ? use.inputs[3] : Term();
  const AttentionTerms terms(use.attributes, use.inputs[0], use.inputs[1], use.inputs[2], mask);
  const Term scores = terms.scores();
  // A row without any key gets zeros instead of NaN.
  const Term largest = map("eq x0 -inf; where t0 0.0 x0", {reduce("max", scores, {3}, true)});
  const Term power = map("sub x0 x1; exp t0", {scores, largest});
  const Term total = sum(power, {3}, true);
  const Term shares = map("eq x1 0.0; where t0 1.0 x1; div x0 t1", {power, total}, terms.v.dtype());
  const Term lse = map("log x1; add x0 t0", {largest, total});
  return {permute(matmul(shares, terms.v), {0, 2, 1, 3}), reshape(lse, use.output_types[1].shape)};
}

double cost(const OpCall &call) {
  return attention_cost(call.shape(0), call.shape(1), 2);
}

}  // namespace

OpDefinition define_attention() {
  return {
      .name = "attention",
      .summary = "Scaled dot-product attention of many heads.",
      .formula =
          "For each b and h: a[i, j] = scale · Σ_d q[i, d] · k[j, d] + mask[i, j]; p = softmax(a) "
          "over the keys j; y[i, e] = Σⱼ p[i, "
          "j] · v[j, e]; lse[i] = ln Σⱼ exp(a[i, j]). A mask of bool keeps the keys where it is "
          "true, others count as a = -inf. "
          "With causal so do the keys j > i. A row whose a are all -inf gives y = 0 and lse = "
          "-inf. Computed in f32 (f64 for "
          "f64); p may be rounded to v's type before the last product.",
      .inputs = {{"q", "[b, s, h, d]"},
                 {"k", "[b, t, h, d]; q's type"},
                 {"v", "[b, t, h, e]; q's type"},
                 {"mask", "broadcasts to [b, h, s, t]; bool, q's type or f32",
                  OperandCount::kOptional}},
      .outputs = {{"y", "[b, s, h, e]; q's type"}, {"lse", "[b, h, s]; f32, or f64 for f64"}},
      .attributes = attention_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kNarrow, "two products; its softmax is in f32 inside"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "attention_grad",
      .decompose = decompose,
      .decomposition = "iota, map, matmul, permute, reduce, reshape",
      .cost = cost,
  };
}

}  // namespace flame::ops
