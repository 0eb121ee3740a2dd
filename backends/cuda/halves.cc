#include "backends/cuda/halves.h"

namespace flame::cuda {

ElementwiseView half_view(uint32_t number, const flame_tensor &tensor, int which, bool of_pairs) {
  ElementwiseView view = {number, tensor.dtype, strides_of(tensor)};
  const size_t last = tensor.rank - 1;
  const int64_t step = tensor.strides[last];
  view.offset = which == 0 ? 0 : of_pairs ? step : tensor.shape[last] / 2 * step;
  if (of_pairs) view.strides[last] = 2 * step;
  return view;
}

Sizes half_shape(const flame_tensor &tensor) {
  Sizes shape = sizes_of(tensor);
  shape.back() /= 2;
  return shape;
}

}  // namespace flame::cuda
