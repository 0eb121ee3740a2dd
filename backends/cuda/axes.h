// The common axes of several tensors, as few as there can be, and the text that finds an element.
#pragma once

#include <string>
#include <vector>

#include "flame/tensor.hpp"

namespace flame::cuda {

using Sizes = std::vector<int64_t>;

struct Axis {
  int64_t size;
  Sizes strides;  // of each tensor, in elements
};
using Axes = std::vector<Axis>;  // the slowest first

// The strides of a tensor seen as one of `shape`: aligned at the last axis, 0 where it repeats.
Sizes broadcast_strides(const flame_tensor &tensor, const Sizes &shape);

enum class AxisOrder {
  kAsGiven,
  kByFirst,  // the first tensor's smallest stride is the quickest
};

// Axes of size 1 are left out, and those that every tensor walks as one become one. `strides` holds
// those of each tensor, for each axis of `shape`.
Axes merged_axes(const Sizes &shape, const std::vector<Sizes> &strides,
                 AxisOrder order = AxisOrder::kAsGiven);

int64_t element_count(const Axes &axes);
// The axes as one tensor alone sees them: merged again.
Axes axes_of(const Axes &axes, size_t tensor);

// "inline Index NAME(Index i) { … }": where the i-th element in row-major order lies. The kernel
// defines Index and Unsigned as an integer wide enough.
std::string offset_function(const std::string &name, const Axes &axes, size_t tensor);

// Whether an index or an offset into any of the tensors needs 64 bits.
bool needs_wide_index(const Axes &axes);
// The definitions of Index and Unsigned.
std::string index_types(bool wide);

// Row-major strides of a shape.
Sizes dense_strides(const Sizes &shape);
Sizes sizes_of(const flame_tensor &tensor);
Sizes strides_of(const flame_tensor &tensor);

}  // namespace flame::cuda
