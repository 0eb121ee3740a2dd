// var: the variance over axes.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"
#include "flame/map_code.hpp"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_ASSIGN(const std::vector<int64_t> axes, normal_axes(call, "axes", call.shape(0).rank()));
  call.outputs = {
      {call.dtype(0), without_axes(call.shape(0), axes, call.attributes.flag("keep_dims"))}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const Axes &axes = use.attributes.integers("axes");
  double count = -static_cast<double>(use.attributes.integer("correction"));
  int64_t elements = 1;
  for (const int64_t axis : axes) elements *= x.size(static_cast<size_t>(axis));
  count += static_cast<double>(elements);
  const Term mean = reduce_wide("mean", x, axes);
  const Term squares = map("sub x0 x1; square t0", {x, mean}, mean.dtype());
  return {map("div x0 " + write_map_float(count),
              {reshape(sum(squares, axes), use.output_types[0].shape)}, x.dtype())};
}

}  // namespace

OpDefinition define_var() {
  return {
      .name = "var",
      .summary = "The variance over axes.",
      .formula =
          "y = Σ (x - mean x)² / (n - correction) over the n elements of each group; computed in "
          "f32 (f64 for f64), rounded once.",
      .inputs = {{"x", "any shape"}},
      .outputs = {{"y", "x's shape without the axes, or with 1 there"}},
      .attributes = {{"axes", AttributeKind::kInts, std::nullopt,
                      "each once; negative ones count from the end"},
                     {"keep_dims", AttributeKind::kBool, false, "keep the axes with size 1"},
                     {"correction", AttributeKind::kInt, int64_t{0},
                      "1 for an estimate from samples"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "sums of squares leave f16's range and bf16's digits"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce",
  };
}

}  // namespace flame::ops
