// conv2d: y = bias + Σ x · weight over the window and the group's channels.
#include "backends/onednn/convolution.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_conv2d(const flame::Op &op) {
  expect_attributes(op, {"stride", "padding", "dilation", "groups"});
  return plan_convolution(op, Convolution::kForward);
}

}  // namespace flame::onednn
