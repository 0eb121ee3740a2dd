// How long the rest of a training takes, by a clock that pauses.
#include "core/train/step_clock.h"

#include <gtest/gtest.h>

namespace flame {
namespace {

class StepClockTest : public testing::Test {
 protected:
  double time_ = 100;
  StepClock clock_{[this] { return time_; }};

  double after(double seconds, int64_t count = 1) {
    time_ += seconds;
    return clock_.steps(count);
  }
};

TEST_F(StepClockTest, TheFirstStepDoesNotCount) {
  EXPECT_EQ(clock_.seconds_a_step(), std::nullopt);
  after(60);
  EXPECT_EQ(clock_.seconds_a_step(), std::nullopt);
  after(2);
  EXPECT_DOUBLE_EQ(*clock_.seconds_a_step(), 2);
  after(4);
  EXPECT_DOUBLE_EQ(*clock_.seconds_a_step(), 3);
}

TEST_F(StepClockTest, WhatHappensInAPauseDoesNotCount) {
  after(1);
  after(2);
  {
    const ClockPause pause(clock_);
    time_ += 1000;
    const ClockPause within(clock_);
    time_ += 1000;
    EXPECT_DOUBLE_EQ(clock_.active_seconds(), 3);
    EXPECT_DOUBLE_EQ(clock_.paused_seconds(), 2000);
  }
  EXPECT_DOUBLE_EQ(after(2), 2);
  EXPECT_DOUBLE_EQ(*clock_.seconds_a_step(), 2);
  EXPECT_DOUBLE_EQ(clock_.active_seconds(), 5);
  EXPECT_DOUBLE_EQ(clock_.paused_seconds(), 2000);
}

TEST_F(StepClockTest, StepsThatAreHeardOfTogetherShareTheirTime) {
  after(1);
  EXPECT_DOUBLE_EQ(after(6, 3), 2);
  EXPECT_DOUBLE_EQ(*clock_.seconds_a_step(), 2);
}

TEST_F(StepClockTest, FollowsAMachineThatBecomesSlower) {
  for (int step = 0; step < 1000; ++step) after(1);
  for (int step = 0; step < 250; ++step) after(3);
  EXPECT_DOUBLE_EQ(*clock_.seconds_a_step(), 3);
}

// Twenty buckets of different sizes, saving and sampling in between: what is said at 5 % holds.
TEST_F(StepClockTest, TheRestIsKnownAfterATwentiethOfTheSteps) {
  constexpr int kSteps = 2000;
  double at_twentieth = 0;
  after(30);
  const auto seconds_of = [](int step) { return 0.5 + 0.05 * (step * 7 % 20); };
  for (int step = 2; step <= kSteps; ++step) {
    if (step % 50 == 0) {
      const ClockPause pause(clock_);
      time_ += 45;
    }
    after(seconds_of(step));
    if (step == kSteps / 20) at_twentieth = clock_.active_seconds();
    if (step != kSteps / 20) continue;
    const double said = *clock_.seconds_a_step() * (kSteps - step);
    double real = 0;
    for (int later = step + 1; later <= kSteps; ++later) real += seconds_of(later);
    EXPECT_NEAR(said / real, 1, 0.1);
  }
  EXPECT_GT(clock_.active_seconds(), at_twentieth);
}

}  // namespace
}  // namespace flame
