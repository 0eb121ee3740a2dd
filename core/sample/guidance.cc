#include "core/sample/guidance.h"

#include <fmt/core.h>

namespace flame {
namespace {

// Over all of each picture, as [n, 1, 1, 1].
Term deviation(const Term &x) {
  const Axes picture = axes_from(1, x.rank() - 1);
  const Term centered = x - mean(x, picture, true);
  return map("sqrt x0", {mean(centered * centered, picture, true)});
}

}  // namespace

Term seen_sample(const Term &sample, const Term &sigma) {
  return map("mul x1 x1; add t0 1.0; sqrt t1; div x0 t2", {sample, sigma});
}

Term denoised(Prediction kind, const Term &sample, const Term &sigma, const Term &prediction) {
  if (kind == Prediction::kEpsilon) return map("mul x1 x2; sub x0 t0", {sample, sigma, prediction});
  return map("mul x1 x1; add t0 1.0; div x0 t1; sqrt t1; div x1 t3; mul t4 x2; sub t2 t5",
             {sample, sigma, prediction});
}

Term guided(const Term &without, const Term &with, const Term &scale, double rescale) {
  const Term led = without + (with - without) * scale;
  if (rescale == 0) return led;
  const Term ratio = deviation(with) / deviation(led);
  return led * (ratio * rescale + (1 - rescale));
}

}  // namespace flame
