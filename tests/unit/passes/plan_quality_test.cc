// Plans of real networks waste almost nothing. tests/bench/plan.cc prints the table.
#include <gtest/gtest.h>

#include "core/passes/place.h"
#include "tests/support/generous_target.h"
#include "tests/support/training_programs.h"

namespace flame {
namespace {

TEST(PlanQuality, NoProgramNeedsATwentiethMoreThanItsLiveBytes) {
  const auto programs = testing_support::training_programs();
  ASSERT_TRUE(programs.ok()) << programs.error().text();
  EXPECT_GE(programs->size(), 20u);
  for (const auto &[name, program] : *programs) {
    testing_support::GenerousTarget target;
    const auto placed = place(program, target, {});
    ASSERT_TRUE(placed.ok()) << name << ": " << placed.error().text();
    EXPECT_GE(placed->arena_bytes, placed->live_bytes) << name;
    EXPECT_LE(static_cast<double>(placed->arena_bytes),
              1.05 * static_cast<double>(placed->live_bytes))
        << name;
  }
}

}  // namespace
}  // namespace flame
