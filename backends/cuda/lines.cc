#include "backends/cuda/lines.h"

namespace flame::cuda {

Sizes without_axis(Sizes values, size_t axis) {
  values.erase(values.begin() + static_cast<int64_t>(axis));
  return values;
}

Axes line_axes(const Sizes &shape, size_t axis, const std::vector<Sizes> &strides) {
  std::vector<Sizes> others;
  for (const Sizes &of_tensor : strides) others.push_back(without_axis(of_tensor, axis));
  return merged_axes(without_axis(shape, axis), others, AxisOrder::kByFirst);
}

}  // namespace flame::cuda
