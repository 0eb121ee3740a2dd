// softmax: y = exp(x - m) / Σ exp(x - m) with m = max x.
#include <limits>

#include "backends/onednn/axis_rows.h"
#include "backends/onednn/vector_math.h"

namespace flame::onednn {
namespace {

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void softmax_row(
    const float *const *inputs, float *y, int64_t count) {
  const float *x = inputs[0];
  float most = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < count; ++i) most = x[i] > most ? x[i] : most;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i) {
    y[i] = exp_f32(x[i] - most);
    sum += y[i];
  }
  const float scale = 1.0f / sum;
  for (int64_t i = 0; i < count; ++i) y[i] *= scale;
}

}  // namespace

std::unique_ptr<OpPlan> plan_softmax(const flame::Op &op) {
  return plan_rows(op, softmax_row);
}

}  // namespace flame::onednn
