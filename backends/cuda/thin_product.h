// Products with few columns, such as a LoRA's way down: a kernel of our own, since the library takes some
// 4 µs for them whatever their size.
#pragma once

#include <optional>

#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/product.h"

namespace flame::cuda {

// None where the library is as quick. Its arguments are the inputs 0 and 1 and the output 0, all of them
// at multiples of 16 bytes.
std::optional<KernelLaunch> thin_product_launch(const ProductShape &shape, const Target &target);

}  // namespace flame::cuda
