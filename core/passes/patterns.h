// Puts neighbouring ops into the one op that the catalogue has for both.
#pragma once

#include "core/passes/target.h"
#include "core/program/program.h"

namespace flame {

struct PatternCounts {
  size_t biases = 0;       // linear or conv2d + a vector
  size_t activations = 0;  // group_norm + silu
  size_t addends = 0;      // a product or a norm's gradient + a tensor, also behind a reshape
};

// linear or conv2d without bias, plus a vector of its outputs: with bias. group_norm whose answer
// goes to silu alone: with that activation. The sums are then rounded once, not twice. Best before
// gradients are taken, since the backward part needs what stands between the two. Linear time.
Result<Program> merge_patterns(const Program &program, PatternCounts *counts = nullptr);

// A product or the gradient of a norm whose answer goes into a sum alone: one with that addend (a linear
// without bias becomes a matmul), where the target takes it. Of h + (a + b) both a and b may be products:
// h goes into a, a into b. For programs that are lowered already: residual sums, sums of gradients over
// the users of a value, and what adapters add to the layers beside them.
Result<Program> merge_addends(const Program &program, Target &target,
                              PatternCounts *counts = nullptr);

}  // namespace flame
