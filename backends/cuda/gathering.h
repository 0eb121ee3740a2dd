// Slices chosen by indices: gather, and embedding, which is gather along the rows.
#pragma once

#include "backends/cuda/op_plan.h"

namespace flame::cuda {

// y[outer…, i…, inner…] = x[outer…, indices[i…], inner…]; `x` and `indices` are the numbers of the
// op's inputs.
std::unique_ptr<OpPlan> plan_gathering(const flame::Op &op, uint32_t x, uint32_t indices,
                                       size_t axis);

}  // namespace flame::cuda
