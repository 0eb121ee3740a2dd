// rms_norm_grad: dx = rstd · (g - x̂ · mean(g · x̂)) + addend, and the sums for the weight.
#include "backends/cuda/norms.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_rms_norm_grad(const flame::Op &op, const Target &target) {
  return plan_row_norm_grad(op, RowNorm::kRms, target);
}

}  // namespace flame::cuda
