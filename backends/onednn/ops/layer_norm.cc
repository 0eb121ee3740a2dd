// layer_norm: y = (x - mean) · rstd · weight + bias along the last axis.
#include "backends/onednn/row_norm.h"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_layer_norm(const flame::Op &op) {
  return plan_row_norm(op, true);
}

}  // namespace flame::onednn
