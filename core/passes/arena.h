// Offsets in one block of memory for things that are in use for a while.
#pragma once

#include <cstdint>
#include <vector>

namespace flame {

inline constexpr uint64_t kArenaAlignment = 256;

struct ArenaItem {
  uint64_t size_bytes = 0;
  uint32_t first_step = 0;
  uint32_t last_step = 0;
  uint64_t offset = 0;  // the answer; a multiple of kArenaAlignment
};

struct ArenaSize {
  uint64_t bytes = 0;       // up to the end of the last item
  uint64_t live_bytes = 0;  // the largest sum of (aligned) sizes in use at one step
};

// Sets the offsets so that no two items overlap in both time and memory. Items of size 0 get offset
// 0. Deterministic; 40,000 items take about a second.
ArenaSize assign_offsets(std::vector<ArenaItem> &items);

}  // namespace flame
