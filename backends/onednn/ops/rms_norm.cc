// rms_norm: y = x · rstd · weight along the last axis.
#include "backends/onednn/row_norm.h"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_rms_norm(const flame::Op &op) {
  return plan_row_norm(op, false);
}

}  // namespace flame::onednn
