// group_norm: y = activation((x - mean) · rstd · weight + bias) over groups of channels.
#include "backends/cuda/norms.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_group_norm(const flame::Op &op, const Target &target) {
  return plan_group_norm_steps(op, target);
}

}  // namespace flame::cuda
