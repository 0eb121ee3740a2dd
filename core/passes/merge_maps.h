// Makes one elementwise op of chains of them.
#pragma once

#include "core/program/program.h"

namespace flame {

struct MergeLimits {
  // Of one map; beyond that a GPU's registers spill and a processor's block leaves the cache.
  size_t instructions = 64;
  size_t inputs = 12;
};

struct MergeCounts {
  size_t merged = 0;     // maps and casts that went into another map
  size_t constants = 0;  // filled tensors that became numbers in the code
};

// A map (or a widening cast) goes into the map that uses it: if that is its only user, or if it is
// cheap and all its users are maps. A smaller producer, which the user broadcasts, is computed anew
// for each element only if that is next to nothing. Reshapes between the two are passed where the
// inputs can take them. What is stored keeps its type; a value between two merged maps is no longer
// rounded to bf16 or f16, so that f32 and f64 answers stay what they are and narrow ones come
// closer to them. Casts that narrow are not undone. Dead nodes are left out. Linear in the number
// of nodes.
Result<Program> merge_maps(const Program &program, MergeLimits limits = {},
                           MergeCounts *counts = nullptr);

}  // namespace flame
