// embedding: y[i…, :] = weight[indices[i…], :].
#include "backends/onednn/gather.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_embedding(const flame::Op &op) {
  expect_attributes(op, {});
  return plan_gather_along(op, 1, 0, 0);
}

}  // namespace flame::onednn
