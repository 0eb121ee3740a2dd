// What the reference backend does and what it refuses.
#pragma once

#include "flame/backend.hpp"

namespace flame::reference {

// Throws unsupported() with the reason if no kernel does the op as it is written. What passes, the
// kernels do. [any]
void check_op(const Op &op);

}  // namespace flame::reference
