// geglu_grad: with the halves a and b of x, dx = dy · activation(b) beside dy · a · activation'(b).
#include "backends/onednn/halves.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// Codes over dy, a and b.
constexpr std::string_view
    kGelu =  // t4 = Φ(b) = gelu(b) / b, exact far from 0 too; t10 = Φ + b · φ
    "gelu x2; abs x2; lt t1 1e-12; div t0 x2; where t2 0.5 t3; square x2; mul t5 -0.5; exp t6; "
    "mul t7 0.3989422804014327; mul x2 t8; add t4 t9; mul x0 t10; mul t11 x1; mul x0 t0 -> t13 t12";
constexpr std::string_view kGeluTanh =  // t5 = tanh(…), t15 the derivative
    "square x2; mul t0 0.044715; add t1 1.0; mul x2 t2; mul t3 0.7978845608028654; tanh t4; "
    "mul t0 0.134145; add t6 1.0; mul t7 0.7978845608028654; square t5; sub 1.0 t9; mul t8 t10; "
    "mul x2 t11; add t12 t5; add t13 1.0; mul t14 0.5; mul x0 t15; mul t16 x1; "
    "add t5 1.0; mul t18 0.5; mul x2 t19; mul x0 t20 -> t21 t17";
constexpr std::string_view kSilu =  // t0 = sigmoid(b), t4 the derivative
    "sigmoid x2; sub 1.0 t0; mul x2 t1; add 1.0 t2; mul t0 t3; mul x0 t4; mul t5 x1; mul x2 t0; "
    "mul x0 t7 -> t8 t6";

std::string_view code_of(std::string_view activation) {
  if (activation == "gelu") return kGelu;
  if (activation == "gelu_tanh") return kGeluTanh;
  if (activation == "silu") return kSilu;
  throw flame::unsupported("geglu_grad with the activation '", activation, "' is not known here");
}

}  // namespace

std::unique_ptr<OpPlan> plan_geglu_grad(const flame::Op &op) {
  expect_attributes(op, {"activation"});
  const auto [value, gate] = two_views(1, op.input(1), false);
  const auto [value_grad, gate_grad] = two_views(0, op.output(0), false);
  ElementwiseWork work;
  work.shape = half_shape(op.input(1));
  work.inputs = {whole_view(0, op.input(0), work.shape), value, gate};
  work.outputs = {value_grad, gate_grad};
  return plan_elementwise(code_of(op.attributes().string("activation")), std::move(work));
}

}  // namespace flame::onednn
