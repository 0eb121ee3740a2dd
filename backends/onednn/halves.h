// The last axis of a tensor in two parts, for ops that pair them: geglu and rope.
#pragma once

#include "backends/onednn/elementwise_plan.h"

namespace flame::onednn {

// `tensor`, with c at the last axis, as two views of c / 2: its two halves, or with `alternating`
// every second element.
inline std::pair<ElementwiseView, ElementwiseView> two_views(uint32_t number,
                                                             const flame_tensor &tensor,
                                                             bool alternating) {
  const uint32_t last = tensor.rank - 1;
  ElementwiseView first = {number, tensor.dtype,
                           Sizes(tensor.strides, tensor.strides + tensor.rank)};
  ElementwiseView second = first;
  second.offset = tensor.strides[last] * (alternating ? 1 : tensor.shape[last] / 2);
  if (alternating) {
    first.strides[last] *= 2;
    second.strides[last] *= 2;
  }
  return {first, second};
}

// The shape of each view.
inline Sizes half_shape(const flame_tensor &tensor) {
  Sizes shape = shape_of(tensor);
  shape.back() /= 2;
  return shape;
}

}  // namespace flame::onednn
