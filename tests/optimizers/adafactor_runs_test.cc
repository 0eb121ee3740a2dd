// The patterns that adafactor finds in a flat buffer.
#include <gmock/gmock.h>

#include "plugins/optimizers/adafactor/runs.h"

namespace {

using flame::OptimizerGroup;
using testing::ElementsAre;

OptimizerGroup group_of(const std::vector<std::vector<int64_t>> &shapes, int64_t apart = 64) {
  OptimizerGroup group;
  for (const auto &shape : shapes) {
    group.slices.push_back({static_cast<int64_t>(group.slices.size()) * apart, shape});
  }
  group.size = static_cast<int64_t>(shapes.size()) * apart;
  return group;
}

std::vector<std::vector<size_t>> runs_of(const OptimizerGroup &group) {
  std::vector<std::vector<size_t>> runs;
  for (const adafactor::Run &run : adafactor::find_runs(group)) {
    runs.push_back({run.first, run.period, run.count});
  }
  return runs;
}

TEST(AdafactorRuns, FindThePatternsThatRepeat) {
  const std::vector<int64_t> a = {4, 3}, b = {3, 4}, c = {5};
  using Run = std::vector<size_t>;
  EXPECT_THAT(runs_of(group_of({a, a, a})), ElementsAre(Run{0, 1, 3}));
  EXPECT_THAT(runs_of(group_of({a, b, a, b, a, b, c})), ElementsAre(Run{0, 2, 3}, Run{6, 1, 1}));
  EXPECT_THAT(runs_of(group_of({a, a, b, a, a, b, a, a, b})), ElementsAre(Run{0, 3, 3}));
  EXPECT_THAT(runs_of(group_of({c, a, b, c})),
              ElementsAre(Run{0, 1, 1}, Run{1, 1, 1}, Run{2, 1, 1}, Run{3, 1, 1}));
  EXPECT_THAT(runs_of(group_of({c})), ElementsAre(Run{0, 1, 1}));
  EXPECT_THAT(runs_of(group_of({})), testing::IsEmpty());
}

TEST(AdafactorRuns, DoNotReachBeyondWhatFollowsOrTheEnd) {
  OptimizerGroup group = group_of({{4, 3}, {4, 3}, {4, 3}, {5}});
  group.slices[3].offset = 2 * 64 + 16;  // closer than one repetition to the next
  group.size = 192;
  using Run = std::vector<size_t>;
  EXPECT_THAT(runs_of(group), ElementsAre(Run{0, 1, 2}, Run{2, 1, 1}, Run{3, 1, 1}));
  group = group_of({{4, 3}, {4, 3}});
  group.size = 64 + 12;
  EXPECT_THAT(runs_of(group), ElementsAre(Run{0, 1, 1}, Run{1, 1, 1}));
}

}  // namespace
