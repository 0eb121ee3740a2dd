// The kernels of the reference backend: one plain function for each required op.
#pragma once

#include <string_view>

#include "flame/op.h"

namespace flame::reference {

// Reads the inputs and writes the outputs of `op`, whose tensors carry data here, any strides. The
// op has been checked against the catalogue: shapes, types and attributes are right and complete.
using Kernel = void (*)(const flame_op &op);

// Null if there is no kernel for an op of that name. [any]
Kernel find_kernel(std::string_view op);

}  // namespace flame::reference
