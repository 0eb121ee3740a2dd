// gather: y[outer…, i…, inner…] = x[outer…, indices[i…], inner…].
#include "backends/onednn/gather.h"

#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_gather(const flame::Op &op) {
  expect_attributes(op, {"axis"});
  return plan_gather_along(op, 0, 1, static_cast<uint32_t>(op.attributes().integer("axis")));
}

}  // namespace flame::onednn
