// Slices of one tensor that are put together again, or cast one by one, as one slice and one cast.
#pragma once

#include "core/program/program.h"

namespace flame {

struct JoinCounts {
  size_t pieces = 0;  // of concats, that went into a neighbour
  size_t casts = 0;   // of slices, that became slices of one cast
};

// Pieces of a concat that are neighbouring elements of one tensor, cast alike or not at all, become
// one piece; a concat of one piece falls away. Casts of slices that together are half of a tensor or
// more become slices of the tensor's cast. So the parameters in a flat buffer take one cast, and
// those that lie side by side one product. The answers are the same bits. Linear in the number of
// nodes.
Result<Program> join_slices(const Program &program, JoinCounts *counts = nullptr);

}  // namespace flame
