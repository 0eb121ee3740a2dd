// Offsets in one block: nothing that is in use at once overlaps, and little is wasted.
#include "core/passes/arena.h"

#include <gtest/gtest.h>

#include <random>

namespace flame {
namespace {

void expect_no_overlap(const std::vector<ArenaItem> &items, const ArenaSize &size) {
  for (size_t i = 0; i < items.size(); ++i) {
    const ArenaItem &a = items[i];
    EXPECT_EQ(a.offset % kArenaAlignment, 0u);
    EXPECT_LE(a.offset + a.size_bytes, size.bytes);
    for (size_t j = i + 1; j < items.size(); ++j) {
      const ArenaItem &b = items[j];
      if (a.last_step < b.first_step || b.last_step < a.first_step) continue;
      if (a.size_bytes == 0 || b.size_bytes == 0) continue;
      EXPECT_TRUE(a.offset + a.size_bytes <= b.offset || b.offset + b.size_bytes <= a.offset)
          << i << " and " << j;
    }
  }
}

TEST(Arena, OfNothingIsEmpty) {
  std::vector<ArenaItem> items;
  EXPECT_EQ(assign_offsets(items).bytes, 0u);
  items = {{0, 0, 5, 0}};
  EXPECT_EQ(assign_offsets(items).bytes, 0u);
}

TEST(Arena, ReusesTheBytesOfWhatIsNoLongerNeeded) {
  std::vector<ArenaItem> items = {{1024, 0, 1, 0}, {512, 1, 2, 0}, {1024, 2, 3, 0}};
  const ArenaSize size = assign_offsets(items);
  EXPECT_EQ(size.bytes, 1536u);
  EXPECT_EQ(size.live_bytes, 1536u);
  expect_no_overlap(items, size);
}

TEST(Arena, CountsWhatIsInUseAtOneStepInBothItsEnds) {
  std::vector<ArenaItem> items = {{256, 0, 1, 0}, {256, 1, 2, 0}};
  EXPECT_EQ(assign_offsets(items).live_bytes, 512u);
}

TEST(Arena, NeverLetsTwoThingsOverlapWhateverTheirTimes) {
  std::mt19937 random(7);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  for (int round = 0; round < 30; ++round) {
    std::vector<ArenaItem> items(1 + below(200));
    for (ArenaItem &item : items) {
      item.size_bytes = below(5) == 0 ? 0 : below(1u << below(20));
      item.first_step = below(300);
      item.last_step = item.first_step + below(below(4) == 0 ? 300 : 6);
    }
    const ArenaSize size = assign_offsets(items);
    EXPECT_GE(size.bytes, size.live_bytes);
    expect_no_overlap(items, size);
  }
}

// What a training step looks like: each layer keeps something for its backward, and both directions
// need a little for a moment.
TEST(Arena, WastesLessThanATwentiethOnATrainingStep) {
  std::mt19937 random(3);
  const uint32_t layers = 400;
  std::vector<ArenaItem> items;
  for (uint32_t i = 0; i < layers; ++i) {
    const uint64_t size = 4096 * (1 + random() % 64);
    items.push_back({size, 2 * i, 4 * layers - 2 * i, 0});
    items.push_back({2 * size, 2 * i, 2 * i + 1, 0});
    items.push_back({3 * size, 4 * layers - 2 * i, 4 * layers - 2 * i + 1, 0});
  }
  const ArenaSize size = assign_offsets(items);
  EXPECT_LE(static_cast<double>(size.bytes), 1.05 * static_cast<double>(size.live_bytes));
  expect_no_overlap(items, size);
}

}  // namespace
}  // namespace flame
