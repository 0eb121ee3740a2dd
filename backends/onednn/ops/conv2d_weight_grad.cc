// conv2d_weight_grad: dweight = Σ dy · x over the images and places.
#include "backends/onednn/convolution.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_conv2d_weight_grad(const flame::Op &op) {
  expect_attributes(op, {"stride", "padding", "dilation", "groups", "window"});
  return plan_convolution(op, Convolution::kWeightGrad);
}

}  // namespace flame::onednn
