// cast: another element type.
#include "backends/onednn/checks.h"
#include "backends/onednn/elementwise_plan.h"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_cast(const flame::Op &op) {
  expect_attributes(op, {"dtype"});
  return plan_elementwise(op, "-> x0");
}

}  // namespace flame::onednn
