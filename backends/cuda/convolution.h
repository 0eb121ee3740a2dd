// The three convolutions of images with channels last: conv2d and its gradients.
#pragma once

#include "backends/cuda/cudnn_graph.h"
#include "backends/cuda/op_plan.h"

namespace flame::cuda {

// By cuDNN where it has a plan of the contract's accuracy, else by a kernel that sums one element
// of the answer per thread.
std::unique_ptr<OpPlan> plan_convolution(const flame::Op &op, const Target &target,
                                         Convolution kind);

}  // namespace flame::cuda
