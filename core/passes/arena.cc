#include "core/passes/arena.h"

#include <algorithm>
#include <numeric>

namespace flame {
namespace {

// Placing one item looks at all that lie, so work grows with the square: this many looks in total.
constexpr uint64_t kMostLooks = 1'000'000'000;
constexpr int kMostRounds = 40;
// Close enough to the floor to stop looking.
constexpr double kGoodEnough = 1.005;

uint64_t aligned(uint64_t size) {
  return (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

uint64_t largest_live_sum(const std::vector<ArenaItem> &items) {
  uint32_t steps = 0;
  for (const ArenaItem &item : items) steps = std::max(steps, item.last_step + 1);
  std::vector<int64_t> change(steps + 1, 0);
  for (const ArenaItem &item : items) {
    change[item.first_step] += static_cast<int64_t>(aligned(item.size_bytes));
    change[item.last_step + 1] -= static_cast<int64_t>(aligned(item.size_bytes));
  }
  int64_t live = 0, most = 0;
  for (const int64_t step : change) most = std::max(most, live += step);
  return static_cast<uint64_t>(most);
}

struct Lying {
  uint64_t begin;
  uint64_t end;
  uint32_t first_step;
  uint32_t last_step;
};

// The lowest gap that holds the item between those that are in use at the same time. `lying` is
// sorted by begin.
uint64_t lowest_gap(const std::vector<Lying> &lying, const ArenaItem &item, uint64_t size) {
  uint64_t place = 0;
  for (const Lying &other : lying) {
    if (other.first_step > item.last_step || other.last_step < item.first_step) continue;
    if (other.begin >= place + size) break;
    place = std::max(place, other.end);
  }
  return place;
}

// Places the items in that order; gives the end of the highest.
uint64_t place_in_order(std::vector<ArenaItem> &items, const std::vector<uint32_t> &order) {
  std::vector<Lying> lying;
  lying.reserve(items.size());
  uint64_t end = 0;
  for (const uint32_t index : order) {
    ArenaItem &item = items[index];
    const uint64_t size = aligned(item.size_bytes);
    item.offset = size ? lowest_gap(lying, item, size) : 0;
    if (size == 0) continue;
    const Lying placed{item.offset, item.offset + size, item.first_step, item.last_step};
    const auto behind = std::ranges::upper_bound(lying, placed.begin, {}, &Lying::begin);
    lying.insert(behind, placed);
    end = std::max(end, placed.end);
  }
  return end;
}

// Moves what reaches the highest to the front, so that it gets a low place in the next round.
void promote_highest(const std::vector<ArenaItem> &items, uint64_t end,
                     std::vector<uint32_t> &order) {
  const auto highest = std::ranges::find_if(order, [&](uint32_t index) {
    return items[index].size_bytes && items[index].offset + aligned(items[index].size_bytes) == end;
  });
  if (highest == order.end()) return;
  std::rotate(order.begin(), highest, highest + 1);
}

using Order = bool (*)(const ArenaItem &, const ArenaItem &);

// Large things first, since small ones fit between them; or long-lived ones first; or by time.
constexpr Order kOrders[] = {
    [](const ArenaItem &a, const ArenaItem &b) { return a.size_bytes > b.size_bytes; },
    [](const ArenaItem &a, const ArenaItem &b) {
      return a.last_step - a.first_step > b.last_step - b.first_step;
    },
    [](const ArenaItem &a, const ArenaItem &b) { return a.first_step < b.first_step; },
};

// Keeps the best placement of several rounds.
class Search {
 public:
  Search(std::vector<ArenaItem> &items, uint64_t floor)
      : items_(items),
        best_(items),
        floor_(floor),
        rounds_left_(static_cast<int>(std::min<uint64_t>(
            kMostRounds, 1 + kMostLooks / (1 + uint64_t{items.size()} * uint64_t{items.size()})))) {
  }

  void from(Order before) {
    std::vector<uint32_t> order(items_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order,
                             [&](uint32_t a, uint32_t b) { return before(items_[a], items_[b]); });
    for (int round = 0; round < kMostRounds / 4 && rounds_left_ > 0 && !good(); ++round) {
      --rounds_left_;
      const uint64_t end = place_in_order(items_, order);
      if (end < best_end_) {
        best_end_ = end;
        best_ = items_;
      }
      promote_highest(items_, end, order);
    }
  }
  uint64_t finish() {
    items_ = best_;
    return best_end_;
  }

 private:
  bool good() const {
    return best_end_ != UINT64_MAX &&
           static_cast<double>(best_end_) <= kGoodEnough * static_cast<double>(floor_);
  }

  std::vector<ArenaItem> &items_;
  std::vector<ArenaItem> best_;
  uint64_t best_end_ = UINT64_MAX;
  uint64_t floor_;
  int rounds_left_;
};

}  // namespace

ArenaSize assign_offsets(std::vector<ArenaItem> &items) {
  if (items.empty()) return {};
  const uint64_t floor = largest_live_sum(items);
  Search search(items, floor);
  for (const Order order : kOrders) search.from(order);
  return {search.finish(), floor};
}

}  // namespace flame
