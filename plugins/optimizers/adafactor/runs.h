// Stretches of a flat buffer in which the same shapes come again and again, as the layers of a
// transformer do: what is done to one tensor of the pattern is done to all of its repetitions in one
// op.
#pragma once

#include <cstdint>
#include <vector>

#include "flame/optimizer.hpp"

namespace adafactor {

// The slices first … first + period − 1 of the group, `count` times, `stride` elements apart.
struct Run {
  size_t first = 0, period = 1, count = 1;
  int64_t stride =
      0;  // from one repetition to the next; to the next run, or the end, of a single one
};

// More slices than this belong to one pattern at most, so that finding them takes linear time.
constexpr size_t kLongestPeriod = 128;

// Covers all slices in their order, with long patterns rather than many.
inline std::vector<Run> find_runs(const flame::OptimizerGroup &group) {
  const std::vector<flame::OptimizerSlice> &slices = group.slices;
  const auto end_of = [&](size_t slice) {
    return slice < slices.size() ? slices[slice].offset : group.size;
  };
  // How often the `period` slices from `first` follow each other.
  const auto repetitions = [&](size_t first, size_t period) {
    const int64_t stride = end_of(first + period) - slices[first].offset;
    size_t count = 1;
    for (size_t i = first + period; i < slices.size(); ++i) {
      const flame::OptimizerSlice &before = slices[i - period], &now = slices[i];
      if (now.shape != before.shape || now.offset - before.offset != stride) break;
      if ((i - first + 1) % period == 0) ++count;
    }
    // The last repetition is as long as the others, and ends before what follows.
    const int64_t room = end_of(first + count * period) - slices[first].offset;
    return static_cast<int64_t>(count) * stride > room ? count - 1 : count;
  };
  std::vector<Run> runs;
  for (size_t first = 0; first < slices.size();) {
    Run best = {first, 1, 1, 0};
    for (size_t period = 1; period <= kLongestPeriod && first + period <= slices.size(); ++period) {
      const size_t count = repetitions(first, period);
      if (count > best.count) best = {first, period, count, 0};
    }
    best.stride = end_of(first + best.period) - slices[first].offset;
    runs.push_back(best);
    first += best.period * best.count;
  }
  return runs;
}

}  // namespace adafactor
