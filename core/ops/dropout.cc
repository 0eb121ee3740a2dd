// dropout: some elements set to 0 at random, the others scaled up.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"
#include "flame/map_code.hpp"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  for (size_t i = 1; i < 3; ++i) {
    FLAME_TRY(expect_dtype(call, i, DType::kI64));
    FLAME_TRY(expect_shape(call, i, Shape()));
  }
  FLAME_TRY(expect_range(call, "stream", 0, UINT32_MAX));
  const double rate = call.attributes.number("rate");
  if (!(rate >= 0 && rate < 1)) return attribute_error("rate", rate, "at least 0 and below 1");
  call.outputs = {call.inputs[0]};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &x = use.inputs[0];
  const double rate = use.attributes.number("rate");
  const Term draw = apply_one("random", {use.inputs[1], use.inputs[2]},
                              {{"kind", "uniform"},
                               {"shape", sizes_of(x.shape())},
                               {"stream", use.attributes.integer("stream")},
                               {"dtype", "f32"}});
  const std::string code = "ge x1 " + write_map_float(rate) + "; mul x0 " +
                           write_map_float(1.0 / (1.0 - rate)) + "; where t0 t1 0.0";
  return {map(code, {x, draw}, x.dtype())};
}

}  // namespace

OpDefinition define_dropout() {
  return {
      .name = "dropout",
      .summary = "Some elements set to 0 at random, the others scaled up.",
      .formula =
          "y = x / (1 - rate) where u ≥ rate, else 0; u are the uniform f32 numbers of the op "
          "random for seed, counter and "
          "stream.",
      .inputs = {{"x", "any shape"}, {"seed", "i64, a scalar"}, {"counter", "i64, a scalar"}},
      .outputs = {{"y", "x's shape and type"}},
      .attributes = {{"rate", AttributeKind::kFloat, std::nullopt, "the share of zeros, below 1"},
                     {"stream", AttributeKind::kInt, int64_t{0}, "as of random"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "moves elements without computing"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, random",
  };
}

}  // namespace flame::ops
