// layer_norm: y = (x - mean) · rstd · weight + bias along the last axis.
#include "backends/cuda/norms.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_layer_norm(const flame::Op &op, const Target &) {
  return plan_row_norm(op, RowNorm::kLayer);
}

}  // namespace flame::cuda
