// log_softmax_grad: dx = dy - exp(y) · Σ dy.
#include "backends/onednn/axis_rows.h"
#include "backends/onednn/vector_math.h"

namespace flame::onednn {
namespace {

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void log_softmax_grad_row(
    const float *const *inputs, float *dx, int64_t count) {
  const float *dy = inputs[0];
  const float *y = inputs[1];
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += dy[i];
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) dx[i] = dy[i] - exp_f32(y[i]) * sum;
}

}  // namespace

std::unique_ptr<OpPlan> plan_log_softmax_grad(const flame::Op &op) {
  return plan_rows(op, log_softmax_grad_row);
}

}  // namespace flame::onednn
