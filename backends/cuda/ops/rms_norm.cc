// rms_norm: y = x · rstd · weight along the last axis.
#include "backends/cuda/norms.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_rms_norm(const flame::Op &op, const Target &) {
  return plan_row_norm(op, RowNorm::kRms);
}

}  // namespace flame::cuda
