// log_softmax: y = x - m - ln Σ exp(x - m) with m = max x.
#include "backends/cuda/softmax.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_log_softmax(const flame::Op &op, const Target &) {
  return plan_softmax_rows(op, true);
}

}  // namespace flame::cuda
