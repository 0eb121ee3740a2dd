#include "core/runtime/branches.h"

#include <algorithm>
#include <map>
#include <set>

namespace flame {
namespace {

constexpr int64_t kNone = -1;

// Who touched which bytes last.
class Accesses {
 public:
  void read(uint64_t begin, uint64_t end, int64_t step, std::set<int64_t> &before) {
    for_each(begin, end, [&](Range &range) {
      before.insert(range.writer);
      range.readers.push_back(step);
    });
  }
  void write(uint64_t begin, uint64_t end, int64_t step, std::set<int64_t> &before) {
    for_each(begin, end, [&](Range &range) {
      before.insert(range.writer);
      before.insert(range.readers.begin(), range.readers.end());
    });
    const auto first = ranges_.lower_bound(begin);
    ranges_.erase(first, ranges_.lower_bound(end));
    ranges_[begin] = {end, step, {}};
  }

 private:
  struct Range {
    uint64_t end = 0;
    int64_t writer = kNone;
    std::vector<int64_t> readers;  // since then
  };

  // A range that holds `at` in its middle becomes two.
  void split(uint64_t at) {
    auto next = ranges_.upper_bound(at);
    if (next == ranges_.begin()) return;
    const auto held = std::prev(next);
    if (held->first == at || held->second.end <= at) return;
    ranges_[at] = held->second;
    held->second.end = at;
  }

  template <typename Visit>
  void for_each(uint64_t begin, uint64_t end, const Visit &visit) {
    split(begin);
    split(end);
    for (uint64_t at = begin; at < end;) {
      const auto next = ranges_.lower_bound(at);
      if (next == ranges_.end() || next->first != at) {
        const uint64_t gap = next == ranges_.end() ? end : std::min(next->first, end);
        visit(ranges_[at] = {gap, kNone, {}});
        at = gap;
      } else {
        visit(next->second);
        at = next->second.end;
      }
    }
  }

  std::map<uint64_t, Range> ranges_;  // by their first byte
};

// For each lane the last of its steps that is over.
using Clock = std::vector<int64_t>;

void join(Clock &clock, const Clock &other) {
  for (size_t lane = 0; lane < clock.size(); ++lane)
    clock[lane] = std::max(clock[lane], other[lane]);
}

class Finder {
 public:
  Finder(const PlacedProgram &placed, uint32_t most_lanes)
      : placed_(placed), most_lanes_(most_lanes), lanes_(most_lanes, Clock(most_lanes, kNone)) {
    // The arena, and behind it whatever stands outside, one after the other.
    uint64_t end = placed.arena_bytes;
    for (const Storage &storage : placed.storages) {
      bases_.push_back(storage.external ? end : storage.offset);
      if (storage.external) end += storage.size_bytes;
    }
  }

  Branches find() {
    for (const Step &step : placed_.steps) place(order_of(step));
    for (const Branches::Place &step : found_.steps) {
      found_.lanes = std::max(found_.lanes, step.lane + 1);
      for (const uint32_t earlier : step.waits) found_.steps[earlier].awaited = true;
    }
    return std::move(found_);
  }

 private:
  int64_t next() const { return static_cast<int64_t>(found_.steps.size()); }

  // The steps that the next one comes after.
  std::set<int64_t> order_of(const Step &step) {
    std::set<int64_t> before;
    for (const PlacedTensor &input : step.inputs) {
      const auto [begin, end] = bytes_of(input);
      accesses_.read(begin, end, next(), before);
    }
    for (const PlacedTensor &output : step.outputs) {
      const auto [begin, end] = bytes_of(output);
      accesses_.write(begin, end, next(), before);
    }
    if (step.workspace) {
      const uint64_t begin = bases_[*step.workspace];
      accesses_.write(begin, begin + placed_.storages[*step.workspace].size_bytes, next(), before);
    }
    before.erase(kNone);
    before.erase(next());
    return before;
  }

  std::pair<uint64_t, uint64_t> bytes_of(const PlacedTensor &tensor) const {
    const uint64_t base = bases_[tensor.storage];
    const auto extent = tensor.typed.view.extent();
    if (!extent) return {base, base};
    const int64_t size = size_bytes(tensor.typed.dtype);
    return {base + static_cast<uint64_t>(extent->first * size),
            base + static_cast<uint64_t>((extent->second + 1) * size)};
  }

  // A lane whose last step is over by then: best the one of a step that this one comes after, so
  // that chains stay together. Without such a lane the one that was used least lately.
  uint32_t lane_for(const Clock &over, const std::set<int64_t> &before) const {
    uint32_t best = 0;
    auto rank_of = [&](uint32_t lane) {
      const int64_t last = lanes_[lane][lane];
      if (last > over[lane]) return std::pair(0, -last);
      return std::pair(before.count(last) ? 2 : 1, last);
    };
    for (uint32_t lane = 1; lane < most_lanes_; ++lane) {
      if (rank_of(lane) > rank_of(best)) best = lane;
    }
    return best;
  }

  void place(const std::set<int64_t> &before) {
    Clock over(most_lanes_, kNone);
    for (const int64_t step : before) join(over, clocks_[static_cast<size_t>(step)]);
    Branches::Place place;
    place.lane = lane_for(over, before);
    Clock &lane = lanes_[place.lane];
    // The latest first: it often comes after the others.
    for (auto step = before.rbegin(); step != before.rend(); ++step) {
      const auto index = static_cast<size_t>(*step);
      if (lane[found_.steps[index].lane] >= *step) continue;
      place.waits.push_back(static_cast<uint32_t>(*step));
      join(lane, clocks_[index]);
    }
    lane[place.lane] = next();
    clocks_.push_back(lane);
    found_.steps.push_back(std::move(place));
  }

  const PlacedProgram &placed_;
  uint32_t most_lanes_;
  std::vector<uint64_t> bases_;  // of storages, in one range of addresses
  Accesses accesses_;
  std::vector<Clock> lanes_;   // as they are now
  std::vector<Clock> clocks_;  // by step, when it is over
  Branches found_;
};

}  // namespace

Branches find_branches(const PlacedProgram &placed, uint32_t most_lanes) {
  return Finder(placed, std::max(most_lanes, 1u)).find();
}

}  // namespace flame
