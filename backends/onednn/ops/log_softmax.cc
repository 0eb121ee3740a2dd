// log_softmax: y = x - m - ln Σ exp(x - m) with m = max x.
#include <cmath>
#include <limits>

#include "backends/onednn/axis_rows.h"
#include "backends/onednn/vector_math.h"

namespace flame::onednn {
namespace {

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void log_softmax_row(
    const float *const *inputs, float *y, int64_t count) {
  const float *x = inputs[0];
  float most = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < count; ++i) most = x[i] > most ? x[i] : most;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) sum += exp_f32(x[i] - most);
  const float log_sum = std::log(sum);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) y[i] = (x[i] - most) - log_sum;
}

}  // namespace

std::unique_ptr<OpPlan> plan_log_softmax(const flame::Op &op) {
  return plan_rows(op, log_softmax_row);
}

}  // namespace flame::onednn
