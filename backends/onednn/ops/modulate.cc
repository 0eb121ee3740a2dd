// modulate: y = x · (1 + scale) + shift.
#include "backends/onednn/elementwise_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_modulate(const flame::Op &op) {
  expect_attributes(op, {});
  return plan_elementwise(op, "add x2 1.0; mul x0 t0; add t1 x1");
}

}  // namespace flame::onednn
