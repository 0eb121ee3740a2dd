// conv2d_weight_grad: the gradient of conv2d for its weight.
#include "backends/cuda/convolution.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_conv2d_weight_grad(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"stride", "padding", "dilation", "groups", "window"});
  return plan_convolution(op, target, Convolution::kWeightGrad);
}

}  // namespace flame::cuda
