// copy: the same elements in new memory, maybe of another type or in another order.
#include "backends/onednn/checks.h"
#include "backends/onednn/elementwise_plan.h"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_copy(const flame::Op &op) {
  expect_attributes(op, {"dtype"});
  return plan_elementwise(op, "-> x0");
}

}  // namespace flame::onednn
