// attention_grad: the gradient of attention.
#include "core/ops/catalogue/attention_rules.h"
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/costs.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(check_attention(call, {1, 6}));
  const Shape q = call.shape(1);
  const int64_t sizes[] = {q[0], q[1], q[2], call.shape(3)[3]};
  FLAME_ASSIGN(const Shape y, Shape::make(sizes));
  for (const size_t i : {0, 4}) {
    FLAME_TRY(expect_same_dtype(call, i, 1));
    FLAME_TRY(expect_shape(call, i, y));
  }
  FLAME_TRY(expect_dtype(call, 5, compute_dtype(call.dtype(1))));
  FLAME_TRY(expect_shape(call, 5, {q[0], q[2], q[1]}));
  call.outputs = {call.inputs[1], call.inputs[2], call.inputs[3]};
  if (!call.attributes.flag("mask_gradient")) return {};
  if (call.input_count() < 7 || !is_float(call.dtype(6))) {
    return attribute_error("mask_gradient", true, "false without a mask of floats");
  }
  call.outputs.push_back(call.inputs[6]);
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term mask = use.inputs.size() == 7 ? use.inputs[6] : Term();
  const AttentionTerms terms(use.attributes, use.inputs[1], use.inputs[2], use.inputs[3], mask);
  std::vector<Term> outputs =
      attention_backward(terms, use.inputs[0], use.inputs[4], use.inputs[5], Term());
  outputs.resize(use.output_types.size());
  return outputs;
}

double cost(const OpCall &call) {
  return attention_cost(call.shape(1), call.shape(2), 5);
}

}  // namespace

OpDefinition define_attention_grad() {
  OpDefinition op{
      .name = "attention_grad",
      .summary = "The gradient of attention.",
      .formula =
          "With a as in attention and p = exp(a - lse) (0 where a = -inf): dv = pᵀ·dy; δ[i] = Σₑ "
          "dy[i, e] · y[i, e]; da = p · "
          "(dy·vᵀ - δ); dq = scale · da·k; dk = scale · daᵀ·q; dmask = da summed over the axes "
          "that the mask repeats. "
          "Computed in f32 (f64 for f64); p and da may be rounded to q's type before a product.",
      .inputs = {{"dy", "[b, s, h, e]; q's type"},
                 {"q", "[b, s, h, d]"},
                 {"k", "[b, t, h, d]; q's type"},
                 {"v", "[b, t, h, e]; q's type"},
                 {"y", "of attention"},
                 {"lse", "of attention"},
                 {"mask", "that of attention", OperandCount::kOptional}},
      .outputs = {{"dq", "q's shape and type"},
                  {"dk", "k's shape and type"},
                  {"dv", "v's shape and type"},
                  {"dmask", "the mask's shape and type; with mask_gradient",
                   OperandCount::kOptional}},
      .attributes = attention_attributes(),
      .dtypes = "f64, f32, bf16, f16",
      // y's logarithm of the sum, lse, is saved in f32.
      .precision = {PrecisionRole::kNarrow, "five products; its softmax is in f32 inside", 1u << 5},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, matmul, permute, reduce, reshape",
      .cost = cost,
  };
  op.attributes.push_back({"mask_gradient", AttributeKind::kBool, false, "give dmask too"});
  return op;
}

}  // namespace flame::ops
