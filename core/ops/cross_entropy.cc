// cross_entropy: the loss of a class prediction.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_TRY(expect_rank_at_least(call, 0, 1));
  FLAME_TRY(expect_integer(call, 1));
  const Shape &logits = call.shape(0);
  FLAME_TRY(expect_shape(call, 1, without_axis(logits, logits.rank() - 1)));
  FLAME_TRY(expect_choice(call, "reduction", {"mean", "sum", "none"}));
  const bool each = call.attributes.text("reduction") == "none";
  call.outputs = {{compute_dtype(call.dtype(0)), each ? call.shape(1) : Shape()}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term logits = cast(use.inputs[0], use.output_types[0].dtype);
  const Term &target = use.inputs[1];
  const int64_t last = static_cast<int64_t>(logits.rank()) - 1;
  const Term shares = apply_one("log_softmax", {logits}, {{"axis", last}});
  const Term index = reshape(target, with_size(logits.shape(), static_cast<size_t>(last), 1));
  const Term taken = apply_one("take_along", {shares, index}, {{"axis", last}});
  return {reduce_loss(-reshape(taken, target.shape()), use.attributes.text("reduction"))};
}

}  // namespace

OpDefinition define_cross_entropy() {
  return {
      .name = "cross_entropy",
      .summary = "The loss of a class prediction.",
      .formula =
          "loss = mean, sum or each of -log_softmax(logits)[…, target[…]] along the last axis; "
          "computed in f32 (f64 for "
          "f64). A target outside counts as 0.",
      .inputs = {{"logits", "[…, classes]"}, {"target", "[…]; i64 or i32"}},
      .outputs = {{"loss", "a scalar, or the target's shape for \"none\"; f32, or f64 for f64"}},
      .attributes = {{"reduction", AttributeKind::kString, std::string("mean"),
                      "\"mean\", \"sum\" or \"none\""}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "a loss is compared over steps of 1e-3"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "gather, iota, map, reduce, reshape",
  };
}

}  // namespace flame::ops
