// geglu_grad: dx = dy · activation(b) beside dy · a · activation'(b).
#include "backends/cuda/checks.h"
#include "backends/cuda/halves.h"

namespace flame::cuda {
namespace {

// x0 is dy, x1 and x2 are the halves of x; t1 and the last result are those of dx.
constexpr const char *kGelu =
    "gelu x2; mul x0 t0; mul x2 0.7071067811865476; erf t2; add t3 1.0; mul t4 0.5; square x2; "
    "mul t6 -0.5; exp t7; mul t8 0.3989422804014327; mul x2 t9; add t5 t10; mul x0 x1; "
    "mul t12 t11 -> t1 t13";
constexpr const char *kGeluTanh =
    "gelu_tanh x2; mul x0 t0; square x2; mul t2 0.044715; add t3 1.0; mul x2 t4; "
    "mul t5 0.7978845608028654; tanh t6; mul t2 0.134145; add t8 1.0; mul t9 0.7978845608028654; "
    "square t7; sub 1.0 t11; mul t10 t12; mul x2 t13; add t14 t7; add t15 1.0; mul t16 0.5; "
    "mul x0 x1; mul t18 t17 -> t1 t19";
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
