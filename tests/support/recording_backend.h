// The reference as a backend that captures, with switches for what a backend may do and refuse.
#pragma once

#include <cstdint>

#include "flame/backend.h"

namespace flame::testing_support {

// What the devices that are opened later do, and what was asked of them. One for the process.
struct Recording {
  bool offers_capture = true;
  bool offers_branches = true;
  bool ops_are_safe = true;      // FLAME_OP_CAPTURE_SAFE
  bool ops_refuse = false;       // what they promised: run fails while it is captured
  bool is_deterministic = true;  // FLAME_OP_DETERMINISTIC
  uint64_t most_bytes = UINT64_MAX;

  int runs = 0;      // of ops, outside of a graph
  int captured = 0;  // ops in graphs
  int replays = 0;   // each runs branches in another order that is allowed
  int lanes = 0;     // of the graph that was made last
  int graphs = 0;    // that are held now
};
extern Recording recording;

// One device, which knows the ops of the reference.
const flame_backend &recording_backend();

}  // namespace flame::testing_support
