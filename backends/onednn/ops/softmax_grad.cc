// softmax_grad: dx = y · (dy - Σ dy · y).
#include "backends/onednn/axis_rows.h"

namespace flame::onednn {
namespace {

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void softmax_grad_row(
    const float *const *inputs, float *dx, int64_t count) {
  const float *dy = inputs[0];
  const float *y = inputs[1];
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += dy[i] * y[i];
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) dx[i] = y[i] * (dy[i] - sum);
}

}  // namespace

std::unique_ptr<OpPlan> plan_softmax_grad(const flame::Op &op) {
  return plan_rows(op, softmax_grad_row);
}

}  // namespace flame::onednn
