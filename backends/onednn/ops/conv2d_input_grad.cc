// conv2d_input_grad: dx = Σ dy · weight over the places that used x.
#include "backends/onednn/convolution.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_conv2d_input_grad(const flame::Op &op) {
  expect_attributes(op, {"stride", "padding", "dilation", "groups", "size"});
  return plan_convolution(op, Convolution::kInputGrad);
}

}  // namespace flame::onednn
