// rope: rotary position embedding: pairs of channels turned by an angle.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_TRY(expect_rank_at_least(call, 0, 1));
  FLAME_TRY(expect_choice(call, "pairing", {"adjacent", "halves"}));
  const Shape &x = call.shape(0);
  if (x.back(0) % 2 != 0) return operand_error(call, 0, "an even last size");
  const Shape half = with_size(x, x.rank() - 1, x.back(0) / 2);
  for (size_t i = 1; i < 3; ++i) {
    if (call.dtype(i) != call.dtype(0))
      FLAME_TRY(expect_dtype(call, i, compute_dtype(call.dtype(0))));
    if (!broadcasts_to(call.shape(i), half))
      return operand_error(call, i, "a shape that broadcasts to " + half.text());
  }
  call.outputs = {call.inputs[0]};
  return {};
}

// The first and the second of each pair.
std::vector<Term> pairs_of(const Term &x, bool adjacent) {
  const auto last = static_cast<int64_t>(x.rank()) - 1;
  const int64_t half = x.shape().back(0) / 2;
  if (half == 0) return {x, x};
  if (adjacent) return {slice(x, last, 0, half, 2), slice(x, last, 1, half, 2)};
  return {slice(x, last, 0, half), slice(x, last, half, half)};
}

Term joined(const std::vector<Term> &pair, const Shape &shape, bool adjacent) {
  if (!adjacent) return concat(pair, static_cast<int64_t>(shape.rank()) - 1);
  const Shape flat{pair[0].shape().element_count(), 1};
  return reshape(concat({reshape(pair[0], flat), reshape(pair[1], flat)}, 1), shape);
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &dy = use.cotangents[0];
  const bool inverse = use.attributes.flag("inverse");
  const bool adjacent = use.attributes.text("pairing") == "adjacent";
  std::vector<Term> gradients(3);
  if (use.wanted[0]) {
    Attributes attributes = use.attributes;
    attributes.set("inverse", !inverse);
    gradients[0] = apply_one("rope", {dy, use.inputs[1], use.inputs[2]}, attributes);
  }
  if (!use.wanted[1] && !use.wanted[2]) return gradients;
  const std::vector<Term> x = pairs_of(use.inputs[0], adjacent);
  const std::vector<Term> d = pairs_of(dy, adjacent);
  const std::vector<Term> operands{x[0], x[1], d[0], d[1]};
  const Term dcos = map("mul x0 x2; mul x1 x3; add t0 t1", operands, use.inputs[1].dtype());
  const Term dsin =
      map(inverse ? "mul x1 x2; mul x0 x3; sub t0 t1" : "mul x0 x3; mul x1 x2; sub t0 t1", operands,
          use.inputs[2].dtype());
  gradients[1] = sum_to(dcos, use.inputs[1].shape());
  gradients[2] = sum_to(dsin, use.inputs[2].shape());
  return gradients;
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const bool adjacent = use.attributes.text("pairing") == "adjacent";
  const std::vector<Term> pair = pairs_of(x, adjacent);
  const std::string code =
      use.attributes.flag("inverse")
          ? "mul x0 x2; mul x1 x3; add t0 t1; mul x1 x2; mul x0 x3; sub t3 t4 -> t2 t5"
          : "mul x0 x2; mul x1 x3; sub t0 t1; mul x1 x2; mul x0 x3; add t3 t4 -> t2 t5";
  return {joined(
      map_many(code, {pair[0], pair[1], use.inputs[1], use.inputs[2]}, {x.dtype(), x.dtype()}),
      x.shape(), adjacent)};
}

}  // namespace

OpDefinition define_rope() {
  return {
      .name = "rope",
      .summary = "Rotary position embedding: pairs of channels turned by an angle.",
      .formula =
          "For each pair (a, b) of channels, with its cos and sin: (a, b) becomes (a·cos - b·sin, "
          "a·sin + b·cos); with "
          "inverse (a·cos + b·sin, b·cos - a·sin). Pair i is the channels 2i and 2i + 1 "
          "(adjacent), or i and d/2 + i "
          "(halves). Computed in f32 (f64 for f64), rounded once.",
      .inputs = {{"x", "[…, d], d even"},
                 {"cos", "broadcasts to […, d/2]; x's type or f32"},
                 {"sin", "broadcasts to […, d/2]; x's type or f32"}},
      .outputs = {{"y", "x's shape and type"}},
      .attributes = {{"pairing", AttributeKind::kString, std::nullopt,
                      "\"adjacent\" or \"halves\""},
                     {"inverse", AttributeKind::kBool, false, "turn back"}},
      .dtypes = "f64, f32, bf16, f16",
      // Cosines and sines of large angles are taken in f32.
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once",
                    1u << 1 | 1u << 2},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "rope the other way round",
      .decompose = decompose,
      .decomposition = "concat, map, reshape, slice",
  };
}

}  // namespace flame::ops
