// Makes a program fit into less memory: values that wait for the backward part are made a second
// time instead of being kept.
#pragma once

#include "core/passes/place.h"

namespace flame {

struct Recomputed {
  Program program;
  PlacedProgram placed;
  size_t nodes = 0;       // that were doubled
  double extra_work = 0;  // of the program's before, as work_of counts: 0.3 is 30 % more
};

// The program, placed, so that it takes at most `memory_bytes` in all: weights, inputs, outputs and
// arena. It is tried first as it is; then compact, if the request is not already; then with nodes doubled
// (doubling.h), the program first that takes the least work of those that fit. What is made a second time has the same bits:
// every op gives the same for the same, and random numbers come from counters. For a program that
// was fused; no clean_up afterwards, which would undo it. Error kOutOfMemory: by how much it misses
// and what would help.
Result<Recomputed> recompute(const Program &program, Target &target, const PlaceRequest &request,
                             uint64_t memory_bytes);

}  // namespace flame
