// rope: pairs of channels turned by an angle.
#include "backends/cuda/halves.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_rope(const flame::Op &op, const Target &) {
  expect_attributes(op, {"pairing", "inverse"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  const bool adjacent = op.attributes().string("pairing") == "adjacent";
  const Sizes shape = half_shape(x);
  // x0, x1: a pair; x2, x3: its cos and sin.
  const ElementwiseWork work = {
      shape,
      {half_view(0, x, 0, adjacent), half_view(0, x, 1, adjacent),
       whole_view(1, op.input(1), shape), whole_view(2, op.input(2), shape)},
      {half_view(0, y, 0, adjacent), half_view(0, y, 1, adjacent)}};
  return plan_elementwise(
      op.attributes().flag("inverse")
          ? "mul x0 x2; mul x1 x3; add t0 t1; mul x1 x2; mul x0 x3; sub t3 t4 -> t2 t5"
          : "mul x0 x2; mul x1 x3; sub t0 t1; mul x0 x3; mul x1 x2; add t3 t4 -> t2 t5",
      work);
}

}  // namespace flame::cuda
