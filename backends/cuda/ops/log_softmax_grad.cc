// log_softmax_grad: dx = dy - exp(y) · Σ dy.
#include "backends/cuda/softmax.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_log_softmax_grad(const flame::Op &op, const Target &) {
  return plan_softmax_grad_rows(op, true);
}

}  // namespace flame::cuda
