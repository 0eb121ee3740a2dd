// layer_norm and rms_norm, which treat each row of the last axis by itself, and their gradients.
#pragma once

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// Inputs x, weight, bias; outputs y, mean if `centred`, rstd.
std::unique_ptr<OpPlan> plan_row_norm(const flame::Op &op, bool centred);

// Inputs dy, x, mean if `centred`, rstd, weight, addend; outputs dx and, with the attribute
// "weight_gradient", dweight and, if `centred`, dbias.
std::unique_ptr<OpPlan> plan_row_norm_grad(const flame::Op &op, bool centred);

}  // namespace flame::onednn
