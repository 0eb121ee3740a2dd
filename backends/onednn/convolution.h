// The three convolutions of images with channels last: conv2d and its gradients.
#pragma once

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

enum class Convolution {
  kForward,     // x, weight, maybe bias -> y
  kInputGrad,   // dy, weight -> dx
  kWeightGrad,  // x, dy -> dweight
};

std::unique_ptr<OpPlan> plan_convolution(const flame::Op &op, Convolution kind);

}  // namespace flame::onednn
