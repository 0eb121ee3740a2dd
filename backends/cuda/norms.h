// The plans of layer_norm, rms_norm, group_norm and their gradients.
#pragma once

#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {

// An input that may be left out; the kernel then reads nothing there.
inline Argument optional_input(const flame::Op &op, uint32_t index) {
  return index < op.input_count() ? input_argument(index) : number_argument(0);
}

enum class RowNorm {
  kLayer,
  kRms
};

std::unique_ptr<OpPlan> plan_row_norm(const flame::Op &op, RowNorm norm);
std::unique_ptr<OpPlan> plan_row_norm_grad(const flame::Op &op, RowNorm norm, const Target &target);
std::unique_ptr<OpPlan> plan_group_norm_steps(const flame::Op &op, const Target &target);
std::unique_ptr<OpPlan> plan_group_norm_grad_steps(const flame::Op &op, const Target &target);

}  // namespace flame::cuda
