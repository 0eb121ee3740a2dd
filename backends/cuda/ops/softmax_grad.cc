// softmax_grad: dx = y · (dy - Σ dy · y).
#include "backends/cuda/softmax.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_softmax_grad(const flame::Op &op, const Target &) {
  return plan_softmax_grad_rows(op, false);
}

}  // namespace flame::cuda
