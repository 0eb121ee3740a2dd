// The sums over places that norms' gradients need.
#pragma once

#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {

// x[images, places, channels] and its norm.
struct NormShape {
  flame_dtype dtype = FLAME_DTYPE_F32;
  int64_t images = 1;
  int64_t places = 1;
  int64_t channels = 1;
  int64_t groups = 0;  // 0: a mean and rstd for each place
  bool centered = true;
  bool weight = false;
  bool bias = false;
  bool silu = false;
};

// The definitions that norms.cuh asks for.
Definitions norm_definitions(const NormShape &shape, int64_t vector);

// The element type of sums, mean and rstd: f64 for f64, else f32.
flame_dtype sum_dtype(flame_dtype dtype);

// Where the inputs of a gradient stand among the op's.
struct NormInputs {
  Argument dy, x, mean, rstd, weight, bias;
};

// Sums of each channel in the workspace: [2][images][parts][channels].
struct ChannelSums {
  uint64_t offset;
  int64_t parts;
};
ChannelSums add_channel_sums(KernelPlan &plan, const NormShape &shape, const NormInputs &inputs,
                             const Target &target);

// Adds the launch that sums them over parts and images, which is dweight (which = 0) or dbias (1).
void add_channel_total(KernelPlan &plan, const NormShape &shape, const ChannelSums &sums, int which,
                       Argument to, flame_dtype dtype, const Target &target);

}  // namespace flame::cuda
