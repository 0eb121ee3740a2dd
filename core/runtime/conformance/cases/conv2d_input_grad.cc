// Conformance cases of conv2d_input_grad.
#include "core/runtime/conformance/convolution_sizes.h"
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases conv2d_input_grad_cases() {
  OpCases cases;
  for (const ConvolutionSizes &sizes : convolution_sizes()) {
    cases.push_back(
        {.inputs = {in(sizes.y), in(sizes.weight)},
         .attributes = with(sizes.attributes, {{"size", Ints{sizes.x[1], sizes.x[2]}}})});
  }
  return cases;
}

}  // namespace flame::conformance
