// Conformance cases of conv2d_weight_grad.
#include "core/runtime/conformance/convolution_sizes.h"
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases conv2d_weight_grad_cases() {
  OpCases cases;
  for (const ConvolutionSizes &sizes : convolution_sizes()) {
    cases.push_back({.inputs = {in(sizes.x), in(sizes.y)},
                     .attributes = with(sizes.attributes,
                                        {{"window", Ints{sizes.weight[1], sizes.weight[2]}}})});
  }
  return cases;
}

}  // namespace flame::conformance
