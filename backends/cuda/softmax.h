// The plans of softmax, log_softmax and their gradients.
#pragma once

#include "backends/cuda/op_plan.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_softmax_rows(const flame::Op &op, bool logarithm);
std::unique_ptr<OpPlan> plan_softmax_grad_rows(const flame::Op &op, bool logarithm);

}  // namespace flame::cuda
