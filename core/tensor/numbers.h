// Tensors of the host as numbers and back, exactly: for checks and tools, where speed is no matter.
#pragma once

#include <span>
#include <vector>

#include "core/tensor/host_tensor.h"

namespace flame {

// The element that starts at `bytes`; a truth is 0 or 1. Whole numbers beyond 2^53 are rounded.
double number_at(DType dtype, const std::byte *bytes);
// Stores as the op map stores a float: rounded to nearest, truncated for integers.
void store_number(DType dtype, double number, std::byte *bytes);

// Row-major. `numbers` has as many elements as the type.
std::vector<double> numbers_of(const HostTensor &tensor);
HostTensor tensor_of(const TensorType &type, std::span<const double> numbers);

}  // namespace flame
