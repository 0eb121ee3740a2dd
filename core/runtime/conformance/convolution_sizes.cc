#include "core/runtime/conformance/convolution_sizes.h"

#include "core/ops/catalogue/catalogue.h"

namespace flame::conformance {
namespace {

Attributes window(Ints stride, Ints padding, Ints dilation, int64_t groups) {
  return {{"stride", std::move(stride)},
          {"padding", std::move(padding)},
          {"dilation", std::move(dilation)},
          {"groups", groups}};
}

}  // namespace

std::vector<ConvolutionSizes> convolution_sizes() {
  const Attributes plain = window({1, 1}, {0, 0, 0, 0}, {1, 1}, 1);
  const Attributes same = window({1, 1}, {1, 1, 1, 1}, {1, 1}, 1);
  std::vector<ConvolutionSizes> all = {
      {{2, 5, 6, 3}, {4, 3, 3, 3}, {}, plain},
      {{2, 5, 6, 3}, {4, 3, 3, 3}, {}, same},
      {{1, 1, 1, 1}, {1, 1, 1, 1}, {}, plain},
      {{2, 4, 5, 7}, {9, 1, 1, 7}, {}, plain},    // a product of matrices
      {{1, 6, 6, 16}, {16, 3, 3, 16}, {}, same},  // whole registers
      {{1, 5, 5, 17}, {33, 3, 3, 17}, {}, same},  // one more
      {{1, 12, 12, 32}, {32, 3, 3, 32}, {}, same},
      {{1, 4, 4, 4}, {320, 3, 3, 4}, {}, same},  // the first of a UNet
      {{1, 4, 4, 80}, {4, 3, 3, 80}, {}, same},  // and its last
      {{1, 7, 9, 2}, {3, 3, 2, 2}, {}, window({2, 1}, {1, 0, 2, 1}, {1, 2}, 1)},
      {{2, 8, 8, 5}, {6, 3, 3, 5}, {}, window({2, 2}, {0, 1, 0, 1}, {1, 1}, 1)},
      {{1, 9, 8, 4}, {6, 2, 3, 2}, {}, window({1, 2}, {0, 1, 1, 0}, {2, 1}, 2)},
      {{1, 6, 7, 6}, {6, 3, 3, 1}, {}, window({1, 1}, {1, 1, 1, 1}, {1, 1}, 6)},
      {{1, 6, 5, 4}, {8, 3, 3, 1}, {}, window({2, 2}, {1, 1, 1, 1}, {1, 1}, 4)},
      {{1, 10, 10, 2}, {2, 3, 3, 2}, {}, window({3, 3}, {2, 2, 2, 2}, {3, 3}, 1)},
      {{1, 3, 40, 3}, {2, 1, 7, 3}, {}, window({1, 4}, {0, 0, 3, 3}, {1, 1}, 1)},
      {{0, 4, 4, 3}, {2, 2, 2, 3}, {}, plain},
      {{2, 4, 4, 3}, {0, 2, 2, 3}, {}, plain},
      {{2, 3, 3, 2}, {3, 3, 3, 2}, {}, plain},  // one place
  };
  for (ConvolutionSizes &sizes : all) {
    sizes.y =
        infer_op("conv2d", {{DType::kF32, sizes.x}, {DType::kF32, sizes.weight}}, sizes.attributes)
            ->outputs[0]
            .shape;
  }
  return all;
}

}  // namespace flame::conformance
