// Conformance cases of conv2d.
#include "core/runtime/conformance/convolution_sizes.h"

namespace flame::conformance {

OpCases conv2d_cases() {
  OpCases cases;
  for (const ConvolutionSizes &sizes : convolution_sizes()) {
    cases.push_back({.inputs = {in(sizes.x), in(sizes.weight)}, .attributes = sizes.attributes});
    cases.push_back({.inputs = {in(sizes.x), in(sizes.weight), in({sizes.weight[0]})},
                     .attributes = sizes.attributes});
  }
  return cases;
}

}  // namespace flame::conformance
