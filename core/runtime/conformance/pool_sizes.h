// The poolings that the cases of pool2d and its gradient share.
#pragma once

#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

struct PoolSizes {
  Shape x;  // [n, h, w, c]
  Shape y;  // of pool2d
  Attributes attributes;
};

// `kind` is "max" or "average".
std::vector<PoolSizes> pool_sizes(const std::string &kind);

}  // namespace flame::conformance
