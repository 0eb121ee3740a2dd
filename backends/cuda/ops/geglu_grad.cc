// geglu_grad: dx = dy · activation(b) beside dy · a · activation'(b).
#include "backends/cuda/halves.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

// x0 is dy, x1 and x2 are the halves a and b of x; t1 and the last result are those of dx. The share of
// the normal distribution below b is gelu(b) / b, and 1/2 where b is next to 0.
constexpr const char *kGelu =
    "gelu x2; mul x0 t0; div t0 x2; abs x2; lt t3 1e-20; where t4 0.5 t2; square x2; mul t6 -0.5; "
    "exp t7; mul t8 0.3989422804014327; mul x2 t9; add t5 t10; mul x0 x1; mul t12 t11 -> t1 t13";
// With s = sigmoid(2u), u the tangent's operand: s + 2 · b · s · (1 - s) · u'.
constexpr const char *kGeluTanh =
    "gelu_tanh x2; mul x0 t0; square x2; mul t2 0.044715; add t3 1.0; mul x2 t4; "
    "mul t5 1.5957691216057308; sigmoid t6; sub 1.0 t7; mul t7 t8; mul t2 0.134145; add t10 1.0; "
    "mul t11 1.5957691216057308; mul x2 t12; mul t13 t9; add t7 t14; mul x0 x1; mul t16 t15 "
    "-> t1 t17";
constexpr const char *kSilu =
    "silu x2; mul x0 t0; sigmoid x2; sub 1.0 t2; mul x2 t3; add 1.0 t4; mul t2 t5; mul x0 x1; "
    "mul t7 t6 -> t1 t8";

}  // namespace

std::unique_ptr<OpPlan> plan_geglu_grad(const flame::Op &op, const Target &) {
  expect_attributes(op, {"activation"});
  const flame_tensor &x = op.input(1);
  const flame_tensor &dx = op.output(0);
  const std::string_view activation = op.attributes().string("activation");
  const Sizes shape = half_shape(x);
  const ElementwiseWork work = {
      shape,
      {whole_view(0, op.input(0), shape), half_view(1, x, 0, false), half_view(1, x, 1, false)},
      {half_view(0, dx, 0, false), half_view(0, dx, 1, false)}};
  return plan_elementwise(activation == "gelu"   ? kGelu
                          : activation == "silu" ? kSilu
                                                 : kGeluTanh,
                          work);
}

}  // namespace flame::cuda
