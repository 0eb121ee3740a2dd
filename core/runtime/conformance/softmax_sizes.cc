#include "core/runtime/conformance/softmax_sizes.h"

namespace flame::conformance {

std::vector<SoftmaxSizes> softmax_sizes() {
  return {{{1}, 0},        {{37}, 0},        {{4, 5, 23}, 0},
          {{4, 5, 23}, 1}, {{4, 5, 23}, -1}, {{2, 3, 9, 77}, -1},
          {{2, 1031}, 1},  {{3, 1}, 1},      {{0, 3}, 1}};
}

}  // namespace flame::conformance
