// Products whose sums have few terms, such as a LoRA's way up and its gradient's way back through the
// down: a kernel of our own, which is bound by what it adds to and writes.
#pragma once

#include <optional>

#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/product.h"

namespace flame::cuda {

// None where the library is as quick. Its arguments are the inputs 0 and 1, the input `addend` if a matrix
// is added, and the output 0, all of them at multiples of 16 bytes.
std::optional<KernelLaunch> shallow_product_launch(const ProductShape &shape, uint32_t addend,
                                                   const Target &target);

}  // namespace flame::cuda
