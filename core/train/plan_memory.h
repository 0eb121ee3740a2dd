// What the programs of a training take, line by line of a memory report.
#pragma once

#include "core/train/train_plan.h"

namespace flame {

// By MemoryClass. Their sum is plan.whole_bytes(): named tensors once, outputs program by program, and
// the largest arena.
std::vector<uint64_t> bytes_by_class(const TrainPlan &plan);

}  // namespace flame
