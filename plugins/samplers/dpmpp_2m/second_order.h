// What the two multistep methods of second order share: a step in the logarithm of the noise level,
// with the estimate of the step before.
#pragma once

#include "plugins/samplers/noise_points.h"

namespace samplers {

inline constexpr NoiseHabits kMultistepHabits{true, true, true};

// How much the estimate has changed, carried on to the middle of this step; zero at the first step
// and at one that ends without noise, where the method is of first order.
inline flame::Value change_to_middle(flame::Program &program, const flame::SamplerInputs &in) {
  const flame::Value second_order = flame::op(
      "and", {above(program, in.previous_sigma, 0.0), above(program, in.next_sigma, 0.0)});
  const flame::Value one = program.constant(1.0, in.sigma.dtype());
  // Where the method is of first order the ratio is any number that is finite.
  const flame::Value before = select(second_order, in.previous_sigma, 2.0 * in.sigma);
  const flame::Value next = select(second_order, in.next_sigma, one);
  const flame::Value ratio = log(in.sigma / next) / log(before / in.sigma);
  const flame::Value part = select(second_order, ratio, program.constant(0.0, in.sigma.dtype()));
  return 0.5 * part * (in.denoised - in.memories[0]);
}

}  // namespace samplers
