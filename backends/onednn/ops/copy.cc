// copy: the same elements in new memory, maybe of another type or in another order.
#include "backends/onednn/elementwise_plan.h"
#include "backends/onednn/move.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_copy(const flame::Op &op) {
  expect_attributes(op, {"dtype"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  if (x.dtype != y.dtype) return plan_elementwise(op, "-> x0");
  const Sizes shape = shape_of(y);
  const Move move(shape, broadcast_strides(x, shape), broadcast_strides(y, shape), y.dtype);
  return plan_of(
      [move](const Run &run) { move.run_parallel(run.input<char>(0), run.output<char>(0)); });
}

}  // namespace flame::onednn
