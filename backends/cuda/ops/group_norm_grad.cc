// group_norm_grad: dx of each group + addend, and the sums for weight and bias.
#include "backends/cuda/norms.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_group_norm_grad(const flame::Op &op, const Target &target) {
  return plan_group_norm_grad_steps(op, target);
}

}  // namespace flame::cuda
