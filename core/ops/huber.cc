// huber: a loss that is quadratic near 0 and linear beyond.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/terms.h"
#include "flame/map_code.hpp"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_shape(call, 1, call.shape(0)));
  FLAME_TRY(expect_choice(call, "reduction", {"mean", "sum", "none"}));
  if (!(call.attributes.number("delta") > 0)) {
    return attribute_error("delta", call.attributes.number("delta"), "a number above 0");
  }
  const bool each = call.attributes.text("reduction") == "none";
  call.outputs = {{compute_dtype(call.dtype(0)), each ? call.shape(0) : Shape()}};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const double delta = use.attributes.number("delta");
  const std::string code = "sub x0 x1; abs t0; square t0; mul t2 0.5; sub t1 " +
                           write_map_float(0.5 * delta) + "; mul t4 " + write_map_float(delta) +
                           "; le t1 " + write_map_float(delta) + "; where t6 t3 t5";
  return {reduce_loss(map(code, use.inputs, use.output_types[0].dtype),
                      use.attributes.text("reduction"))};
}

}  // namespace

OpDefinition define_huber() {
  return {
      .name = "huber",
      .summary = "A loss that is quadratic near 0 and linear beyond.",
      .formula =
          "With d = |x - target|: mean, sum or each of d²/2 if d ≤ delta, else delta · (d - "
          "delta/2); computed in f32 (f64 for f64).",
      .inputs = {{"x", "any shape"}, {"target", "x's shape and type"}},
      .outputs = {{"loss", "a scalar, or x's shape for \"none\"; f32, or f64 for f64"}},
      .attributes = {{"delta", AttributeKind::kFloat, 1.0, "where the parts meet; above 0"},
                     {"reduction", AttributeKind::kString, std::string("mean"),
                      "\"mean\", \"sum\" or \"none\""}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kWide, "a loss is compared over steps of 1e-3"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "map, reduce",
  };
}

}  // namespace flame::ops
