// Reductions over axes: the kernels of reduce, and the last steps of ops that sum.
#pragma once

#include <string_view>

#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {

struct Reduction {
  std::string_view kind;  // "sum", "mean", "max", "min" or "prod"
  Argument x;
  flame_dtype x_dtype;
  Argument y;
  flame_dtype y_dtype;
  Axes kept;     // strides of x and of y
  Axes reduced;  // strides of x
};

// Adds the launches: one, or two where one would leave much of the GPU idle, with a workspace
// between them.
void add_reduction(KernelPlan &plan, const Reduction &work, const Target &target);

}  // namespace flame::cuda
