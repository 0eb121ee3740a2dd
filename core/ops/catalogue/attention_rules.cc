#include "core/ops/catalogue/attention_rules.h"

#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "flame/map_code.hpp"

namespace flame {
namespace {

// [b, s, h, d] to [b, h, s, d] and back.
Term swapped(const Term &x) {
  return permute(x, {0, 2, 1, 3});
}

}  // namespace

std::vector<AttributeSpec> attention_attributes() {
  return {
      {"scale", AttributeKind::kFloat, std::nullopt, "usually 1 / √d"},
      {"causal", AttributeKind::kBool, false, "place i sees the keys 0 to i alone; then s = t"}};
}

Status check_attention(const OpCall &call, AttentionOperands at) {
  for (size_t i = at.q; i < at.q + 3; ++i) {
    FLAME_TRY(expect_computable(call, i));
    FLAME_TRY(expect_same_dtype(call, i, at.q));
    FLAME_TRY(expect_rank(call, i, 4));
  }
  const Shape &q = call.shape(at.q);
  const Shape &k = call.shape(at.q + 1);
  FLAME_TRY(expect_shape(call, at.q + 1, {q[0], k[1], q[2], q[3]}));
  FLAME_TRY(expect_shape(call, at.q + 2, {q[0], k[1], q[2], call.shape(at.q + 2)[3]}));
  if (call.attributes.flag("causal") && q[1] != k[1]) {
    return operand_error(call, at.q + 1, fmt::format("{} places, as q has, with causal", q[1]));
  }
  if (at.mask >= call.input_count()) return {};
  const DType mask = call.dtype(at.mask);
  if (mask != DType::kBool && mask != call.dtype(at.q) && mask != compute_dtype(call.dtype(at.q))) {
    return operand_error(call, at.mask, "bool, q's type or f32");
  }
  const int64_t sizes[] = {q[0], q[2], q[1], k[1]};
  FLAME_ASSIGN(const Shape scores, Shape::make(sizes));
  if (broadcasts_to(call.shape(at.mask), scores)) return {};
  return operand_error(call, at.mask, "a shape that broadcasts to [b, h, s, t] = " + scores.text());
}

AttentionTerms::AttentionTerms(const Attributes &attributes, const Term &q, const Term &k,
                               const Term &v, const Term &mask)
    : q(swapped(q)),
      k(swapped(k)),
      v(swapped(v)),
      mask(mask),
      scale(attributes.number("scale")),
      causal(attributes.flag("causal")) {}

Term AttentionTerms::scores() const {
  const Term product =
      apply_one("matmul", {q, k},
                {{"transpose_b", true}, {"dtype", std::string(name_of(compute_dtype(q.dtype())))}});
  std::vector<Term> operands{product};
  std::string code = "mul x0 " + write_map_float(scale);
  int last = 0;  // the result that holds the scores
  if (mask) {
    operands.push_back(mask);
    code += mask.dtype() == DType::kBool ? "; where x1 t0 -inf" : "; add t0 x1";
    last = 1;
  }
  if (causal) {
    const size_t first = operands.size();
    operands.push_back(iota(q.builder(), {q.size(2), 1}, 0, 0, 1, DType::kI64));
    operands.push_back(iota(q.builder(), {1, k.size(2)}, 1, 0, 1, DType::kI64));
    code += fmt::format("; ge x{} x{}; where t{} t{} -inf", first, first + 1, last + 1, last);
  }
  return map(code, operands, product.dtype());
}

std::vector<Term> attention_backward(const AttentionTerms &terms, const Term &dy, const Term &y,
                                     const Term &lse, const Term &dlse) {
  const DType type = dy.dtype();
  const Term scores = terms.scores();
  const DType wide = scores.dtype();
  const Shape column{lse.size(0), lse.size(1), lse.size(2), 1};
  // A masked key has no share, also where a whole row is masked and lse is -inf. The choice stands
  // before exp, so that no NaN comes back through it either.
  const Term shares =
      map("eq x0 -inf; sub x0 x1; where t0 -inf t1; exp t2", {scores, reshape(lse, column)}, wide);
  const Term dout = swapped(dy);
  const Term dv = matmul(cast(shares, type), dout, {true, false});
  const Term dshares = apply_one("matmul", {dout, terms.v},
                                 {{"transpose_b", true}, {"dtype", std::string(name_of(wide))}});
  const Term product = map("mul x0 x1", {dy, y}, wide);
  Term delta = reshape(permute(sum(product, {3}), {0, 2, 1}), column);
  if (dlse) delta = delta - reshape(dlse, column);
  const Term dscores = map("sub x1 x2; mul x0 t0", {shares, dshares, delta}, wide);
  const Term scaled = map("mul x0 " + write_map_float(terms.scale), {dscores}, type);
  const Term dq = matmul(scaled, terms.k);
  const Term dk = matmul(scaled, terms.q, {true, false});
  Term dmask;
  if (terms.mask && is_float(terms.mask.dtype())) {
    dmask = cast(sum_to(dscores, terms.mask.shape()), terms.mask.dtype());
  }
  return {swapped(dq), swapped(dk), swapped(dv), dmask};
}

}  // namespace flame
