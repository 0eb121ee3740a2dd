// map: elementwise code over inputs that broadcast to one shape.
#include "backends/onednn/elementwise_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_map(const flame::Op &op) {
  expect_attributes(op, {"code", "dtypes"});
  return plan_elementwise(op, op.attributes().string("code"));
}

}  // namespace flame::onednn
