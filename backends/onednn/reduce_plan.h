// The plan of reductions over any axes.
#pragma once

#include <vector>

#include "backends/onednn/fold.h"
#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// Input 0 reduced over `axes` to output 0, whose axes are those that are kept, or with `keep_dims`
// all. With `mean` each answer is divided by the number of elements that it is made of.
std::unique_ptr<OpPlan> plan_reduction(const flame::Op &op, FoldKind kind, bool mean,
                                       const std::vector<int64_t> &axes, bool keep_dims);

}  // namespace flame::onednn
