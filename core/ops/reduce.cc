// reduce: sum, mean, maximum, minimum or product over axes.
#include <fmt/core.h>

#include <algorithm>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_choice(call, "kind", {"sum", "mean", "max", "min", "prod"}));
  const bool mean = call.attributes.text("kind") == "mean";
  const bool whole = call.dtype(0) == DType::kI64 || call.dtype(0) == DType::kI32;
  if (!is_computable(call.dtype(0)) && (mean || !whole)) {
    return operand_error(call, 0,
                         mean ? "f64, f32, bf16 or f16" : "f64, f32, bf16, f16, i64 or i32");
  }
  FLAME_ASSIGN(const std::vector<int64_t> axes, normal_axes(call, "axes", call.shape(0).rank()));
  FLAME_ASSIGN(const DType dtype, dtype_attribute(call, "dtype", call.dtype(0)));
  const bool wider = is_computable(call.dtype(0)) && dtype == compute_dtype(call.dtype(0));
  if (dtype != call.dtype(0) && !wider) {
    return attribute_error("dtype", call.attributes.text("dtype"),
                           "x's type, or f32 for narrower floats");
  }
  call.outputs = {{dtype, without_axes(call.shape(0), axes, call.attributes.flag("keep_dims"))}};
  return {};
}

// Every element's product of all the others of its group, without dividing: the group stands in
// each row of a square, and on the diagonal stands a 1.
Term product_of_others(const Term &x, const Axes &axes) {
  Axes order;
  int64_t groups = 1;
  int64_t count = 1;
  for (size_t axis = 0; axis < x.rank(); ++axis) {
    if (std::ranges::binary_search(axes, static_cast<int64_t>(axis))) continue;
    order.push_back(static_cast<int64_t>(axis));
    groups *= x.size(axis);
  }
  for (const int64_t axis : axes) {
    order.push_back(axis);
    count *= x.size(static_cast<size_t>(axis));
  }
  constexpr int64_t kMaxSquareSide = int64_t{1} << 29;
  if (count > kMaxSquareSide || groups * count > kMaxElementCount / std::max<int64_t>(count, 1)) {
    x.builder().fail(plugin_error(
        fmt::format("op 'reduce': the gradient of a product of {} numbers is too large", count)));
    return x;
  }
  const Term moved = permute(x, order);
  const Term row = reshape(moved, {groups, 1, count});
  const Term down = iota(x.builder(), {count, count}, 0, 0, 1, DType::kI64);
  const Term across = iota(x.builder(), {count, count}, 1, 0, 1, DType::kI64);
  const Term others = map("eq x1 x2; where t0 1.0 x0", {row, down, across}, x.dtype());
  const Term product = reshape(reduce("prod", others, {2}), moved.shape());
  Axes back(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    back[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  return permute(product, back);
}

std::vector<Term> gradient(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes &axes = use.attributes.integers("axes");
  const std::string &kind = use.attributes.text("kind");
  const Shape kept = without_axes(x.shape(), axes, true);
  const Term dy = reshape(cast(use.cotangents[0], x.dtype()), kept);
  if (kind == "sum") return {broadcast_to(dy, x.shape())};
  if (kind == "mean") {
    int64_t count = 1;
    for (const int64_t axis : axes) count *= x.size(axis);
    return {broadcast_to(dy * (1.0 / static_cast<double>(std::max<int64_t>(count, 1))), x.shape())};
  }
  if (kind == "prod") return {product_of_others(x, axes) * dy};
  // Equal extremes share the gradient.
  const Term y = reshape(cast(use.outputs[0], x.dtype()), kept);
  const Term hits = map("eq x0 x1", {x, y}, x.dtype());
  return {map("mul x0 x1; div t0 x2", {hits, dy, sum(hits, axes, true)}, x.dtype())};
}

}  // namespace

OpDefinition define_reduce() {
  return {
      .name = "reduce",
      .group = OpGroup::kRequired,
      .summary = "The sum, mean, maximum, minimum or product over axes.",
      .formula =
          "y[kept] = sum, mean, max, min or prod over the axes of x[kept, reduced]. Floats are "
          "accumulated in f32 (f64 "
          "for f64) and rounded once; integers wrap at 64 bits.\n"
          "Over no elements: sum 0, prod 1, mean NaN, max -inf and min +inf (integers: the type's "
          "lowest and highest "
          "number). max and min are NaN if an element is. Without axes y = x.",
      .inputs = {{"x", "any shape"}},
      .outputs = {{"y", "x's shape without the axes, or with 1 there"}},
      .attributes = {{"kind", AttributeKind::kString, std::nullopt,
                      "\"sum\", \"mean\", \"max\", \"min\" or \"prod\""},
                     {"axes", AttributeKind::kInts, std::nullopt,
                      "each once; negative ones count from the end"},
                     {"keep_dims", AttributeKind::kBool, false, "keep the axes with size 1"},
                     {"dtype", AttributeKind::kString, std::string(),
                      "y's type: x's (if absent), or f32 for bf16 and f16"}},
      .dtypes = "f64, f32, bf16, f16; i64, i32 but for mean",
      .agreement = Agreement::kLinear,
      .precision = {PrecisionRole::kSum,
                    "accumulated in f32, and a mean is often a statistic or a loss"},
      .infer = infer,
      .gradient = gradient,
      .gradient_note = "equal extremes share the gradient of max and min",
  };
}

}  // namespace flame::ops
