// The definitions of windows.cuh for a pooling op.
#pragma once

#include "backends/cuda/op_plan.h"

namespace flame::cuda {

// `x_strides` are those of the image, four.
Definitions pooling_definitions(const flame::Op &op, const flame_tensor &image,
                                const flame_tensor &pooled, const int64_t *x_strides);

}  // namespace flame::cuda
