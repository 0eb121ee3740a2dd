// geglu_grad: the gradient of geglu.
#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/map_rules.h"
#include "core/ops/catalogue/scalar_derivatives.h"
#include "core/ops/catalogue/terms.h"

namespace flame::ops {
namespace {

Status infer(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_rank_at_least(call, 1, 1));
  FLAME_TRY(expect_choice(call, "activation", {"gelu", "gelu_tanh", "silu"}));
  const Shape &x = call.shape(1);
  if (x.back(0) % 2 != 0) return operand_error(call, 1, "an even last size");
  FLAME_TRY(expect_shape(call, 0, with_size(x, x.rank() - 1, x.back(0) / 2)));
  call.outputs = {call.inputs[1]};
  return {};
}

std::vector<Term> decompose(const OpRewrite &use) {
  const Term &dy = use.inputs[0];
  const Term &x = use.inputs[1];
  const auto last = static_cast<int64_t>(x.rank()) - 1;
  const int64_t half = x.shape().back(0) / 2;
  const Term value = slice(x, last, 0, half);
  const Term gate = slice(x, last, half, half);
  const ScalarFunction &activation = *find_scalar_function(use.attributes.text("activation"));
  MapCodeBuilder code;
  const auto input = [](uint32_t index) {
    return MapOperand{MapOperand::Kind::kInput, index, 0, 0};
  };
  const MapOperand dy_x = code.add("mul", input(0), input(1));
  const MapOperand active = code.add(activation, {input(2), {}, {}});
  const MapOperand dvalue = code.add("mul", input(0), active);
  const MapCode &slope = derivative_of(activation, 0).code;
  const MapOperand dgate = code.splice(slope, {input(2), input(2), input(2), active, dy_x}).front();
  std::vector<uint32_t> used;
  const MapCode whole = code.finish({dvalue, dgate}, used);
  const std::vector<Term> halves =
      map_many(write_map_code(whole), {dy, value, gate}, {x.dtype(), x.dtype()});
  return {concat(halves, last)};
}

}  // namespace

OpDefinition define_geglu_grad() {
  return {
      .name = "geglu_grad",
      .summary = "The gradient of geglu.",
      .formula =
          "With a and b the halves of x: dx = dy · activation(b) beside dy · a · activation'(b); "
          "computed in f32 (f64 for "
          "f64), rounded once.",
      .inputs = {{"dy", "[…, c/2]"}, {"x", "[…, c]; dy's type"}},
      .outputs = {{"dx", "[…, c]"}},
      .attributes = {{"activation", AttributeKind::kString, std::string("gelu"), "that of geglu"}},
      .dtypes = "f64, f32, bf16, f16",
      .precision = {PrecisionRole::kFollow, "computes in f32 inside and rounds once"},
      .infer = infer,
      .decompose = decompose,
      .decomposition = "concat, map, slice",
  };
}

}  // namespace flame::ops
