// Ops that treat each row along one axis by itself, such as softmax.
#pragma once

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// One row in f32: `count` contiguous numbers of each input; `output` may be one of the inputs.
using RowKernel = void (*)(const float *const *inputs, float *output, int64_t count);

// The plan of an op with the attribute "axis" whose inputs (at most two) and output have one shape
// and type. Other types than f32, and rows that are not contiguous, go through a buffer of one row.
std::unique_ptr<OpPlan> plan_rows(const flame::Op &op, RowKernel kernel);

}  // namespace flame::onednn
