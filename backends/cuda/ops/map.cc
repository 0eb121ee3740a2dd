// map: elementwise code over inputs that broadcast to one shape.
#include "backends/cuda/elementwise.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_map(const flame::Op &op, const Target &) {
  expect_attributes(op, {"code", "dtypes"});
  return plan_elementwise(op, op.attributes().string("code"));
}

}  // namespace flame::cuda
