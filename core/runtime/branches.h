// Which steps of a program may run side by side, so that small ones fill what large ones leave idle.
#pragma once

#include <cstdint>
#include <vector>

#include "core/passes/placed_program.h"

namespace flame {

// Steps in lanes: those of one lane run in their order, and a step also waits for steps of other
// lanes.
struct Branches {
  struct Place {
    uint32_t lane = 0;
    std::vector<uint32_t> waits;  // for these steps of other lanes, all of them earlier ones
    bool awaited = false;         // by a step of another lane
  };
  std::vector<Place> steps;
  uint32_t lanes = 1;
};

// Two steps are in order if one of them writes bytes that the other reads or writes: what stands in
// the arena at different times counts too, so memory stays what it is. Nearly linear in the number
// of steps.
Branches find_branches(const PlacedProgram &placed, uint32_t most_lanes);

}  // namespace flame
