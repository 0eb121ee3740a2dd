// The tensors that the cases of softmax, its logarithm and their gradients share.
#pragma once

#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

struct SoftmaxSizes {
  Shape x;
  int64_t axis = 0;
};

std::vector<SoftmaxSizes> softmax_sizes();

}  // namespace flame::conformance
