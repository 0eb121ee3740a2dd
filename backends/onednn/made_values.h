// Ops whose elements are made from their number in row-major order: iota and random.
#pragma once

#include <functional>

#include "backends/onednn/loop_nest.h"
#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// Makes the values of `count` elements from the element `first` on, in row-major order: f64 for
// floats, int64_t for integers. Called by several threads.
using MakeValues = std::function<void(const Run &run, int64_t first, int64_t count, void *values)>;

// The plan that fills output 0 with them.
std::unique_ptr<OpPlan> plan_made_values(const flame::Op &op, MakeValues make);

}  // namespace flame::onednn
