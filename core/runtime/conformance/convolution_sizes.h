// The convolutions that the cases of conv2d and its gradients share.
#pragma once

#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

struct ConvolutionSizes {
  Shape x;       // [n, h, w, c]
  Shape weight;  // [o, r, s, c / groups]
  Shape y;       // of conv2d
  Attributes attributes;
};

std::vector<ConvolutionSizes> convolution_sizes();

}  // namespace flame::conformance
