// Views of the two halves of a tensor's last axis.
#pragma once

#include "backends/cuda/elementwise.h"

namespace flame::cuda {

// Half `which` (0 or 1): the first or second half of the channels; of pairs of neighbours, the first
// or second of each.
ElementwiseView half_view(uint32_t number, const flame_tensor &tensor, int which, bool of_pairs);

// The shape of a half.
Sizes half_shape(const flame_tensor &tensor);

}  // namespace flame::cuda
