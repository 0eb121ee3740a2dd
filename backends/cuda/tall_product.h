// Products of two tall matrices, sums over their many rows, as the gradients of a LoRA's weights are: a
// kernel of our own where one of them has 16 columns.
#pragma once

#include <optional>

#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/product.h"

namespace flame::cuda {

// None where the library is as quick. Its arguments are the one with 16 columns of the inputs 0 and 1, the
// other, and the output 0, all of them at multiples of 16 bytes.
std::optional<KernelLaunch> tall_product_launch(const ProductShape &shape, const Target &target);

}  // namespace flame::cuda
