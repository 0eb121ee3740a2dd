// gather: slices of a tensor along an axis, chosen by indices.
#include "backends/cuda/gathering.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_gather(const flame::Op &op, const Target &) {
  expect_attributes(op, {"axis"});
  return plan_gathering(op, 0, 1, static_cast<size_t>(op.attributes().integer("axis")));
}

}  // namespace flame::cuda
