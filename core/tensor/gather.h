// Copies the elements that a view shows, in row-major order.
#pragma once

#include <cstddef>
#include <span>

#include "core/tensor/host_tensor.h"
#include "core/tensor/view.h"

namespace flame {

// Elements of 1, 2, 4 or 8 bytes. `from` holds all that the view touches; `to` has the view's count of
// elements.
void gather_elements(const View &view, int64_t element_bytes, std::span<const std::byte> from,
                     std::span<std::byte> to);

// Axis i of the answer is axes[i] of the tensor.
HostTensor permuted(const HostTensor &tensor, std::span<const int64_t> axes);

}  // namespace flame
