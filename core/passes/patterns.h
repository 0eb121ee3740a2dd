// Puts neighbouring ops into the one op that the catalogue has for both.
#pragma once

#include "core/passes/target.h"
#include "core/program/program.h"

namespace flame {

struct PatternCounts {
  size_t biases = 0;       // linear or conv2d + a vector
  size_t activations = 0;  // group_norm + silu
  size_t addends = 0;      // a product + a tensor, also behind a reshape
};

// linear or conv2d without bias, plus a vector of its outputs: with bias. group_norm whose answer
// goes to silu alone: with that activation. The sums are then rounded once, not twice. Best before
// gradients are taken, since the backward part needs what stands between the two. Linear time.
Result<Program> merge_patterns(const Program &program, PatternCounts *counts = nullptr);

// A matmul, or a linear without bias, whose answer goes into a sum alone: a matmul with that addend,
// where the target takes it. For programs that are lowered already: sums of gradients over the users
// of a value, and what adapters add to the layers beside them.
Result<Program> merge_addends(const Program &program, Target &target,
                              PatternCounts *counts = nullptr);

}  // namespace flame
