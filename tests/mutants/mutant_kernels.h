// The kernels with planted bugs.
#pragma once

#include <string_view>

#include "backends/reference/kernel.h"

namespace flame::mutants {

// The kernel that a bug puts in place of an op's right one; null if the bug is not in kernels.
reference::Kernel find_mutant(std::string_view bug);

// The right kernel of an op, also of the optional ones that only this backend has; null if none.
reference::Kernel find_honest(std::string_view op);

}  // namespace flame::mutants
