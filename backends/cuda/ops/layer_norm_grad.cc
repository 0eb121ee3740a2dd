// layer_norm_grad: dx = rstd · (g - mean g - x̂ · mean(g · x̂)) + addend, and the sums for weight and bias.
#include "backends/cuda/norms.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_layer_norm_grad(const flame::Op &op, const Target &target) {
  return plan_row_norm_grad(op, RowNorm::kLayer, target);
}

}  // namespace flame::cuda
