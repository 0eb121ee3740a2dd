// rms_norm_grad: dx = rstd · (g - x̂ · mean(g · x̂)) + addend with g = dy · weight.
#include "backends/onednn/row_norm.h"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_rms_norm_grad(const flame::Op &op) {
  return plan_row_norm_grad(op, false);
}

}  // namespace flame::onednn
