// Lines: the elements along one axis of a tensor, one line for each place in the other axes.
#pragma once

#include "backends/cuda/axes.h"

namespace flame::cuda {

// The strides (or sizes) without those of an axis.
Sizes without_axis(Sizes values, size_t axis);

// The other axes of several tensors of one shape, the first tensor's smallest stride the quickest.
Axes line_axes(const Sizes &shape, size_t axis, const std::vector<Sizes> &strides);

}  // namespace flame::cuda
