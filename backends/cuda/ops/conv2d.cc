// conv2d: two-dimensional convolution with a bias.
#include "backends/cuda/convolution.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_conv2d(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"stride", "padding", "dilation", "groups"});
  return plan_convolution(op, target, Convolution::kForward);
}

}  // namespace flame::cuda
