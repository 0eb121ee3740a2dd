// What a training says while it runs.
#include "core/cli/train_progress.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace flame::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TrainState state_at(int64_t step) {
  TrainState state;
  state.step = step;
  state.steps = 200;
  state.seconds_a_step = 0.5;
  state.checkpoint_every = 60;
  state.loss = 0.123456;
  state.memory_bytes = uint64_t{3} << 29;
  return state;
}

TEST(TrainProgress, SaysStepPaceTimesLossAndMemory) {
  EXPECT_EQ(train_state_text(state_at(40)),
            "step 40 of 200, 0.5 s a step, 1 min 20 s left, checkpoint in 10 s, loss 0.1235, "
            "1.5 GiB");
}

TEST(TrainProgress, TheLastCheckpointIsTheLastStep) {
  EXPECT_THAT(train_state_text(state_at(190)), HasSubstr("5 s left, checkpoint in 5 s"));
  EXPECT_THAT(train_state_text(state_at(60)), HasSubstr("checkpoint in 30 s"));
  EXPECT_EQ(train_state_text(state_at(200)), "step 200 of 200, 0.5 s a step, loss 0.1235, 1.5 GiB");
}

TEST(TrainProgress, SaysNothingOfAPaceThatIsNotKnown) {
  TrainState state = state_at(1);
  state.seconds_a_step.reset();
  EXPECT_EQ(train_state_text(state), "step 1 of 200, loss 0.1235, 1.5 GiB");
}

TEST(TrainProgress, LongTimesAreToldInHours) {
  TrainState state = state_at(0);
  state.seconds_a_step = 100;
  state.checkpoint_every = 0;
  EXPECT_THAT(train_state_text(state), HasSubstr(", 5 h 33 min left, loss"));
}

TEST(TrainProgress, PlainLinesHoldNothingThatSteersATerminal) {
  std::string all;
  int lines = 0;
  {
    TrainProgress progress(false, [&](std::string_view text) {
      all += text;
      ++lines;
    });
    for (int64_t step = 1; step <= 200; ++step)
      progress.show(state_at(step), static_cast<double>(step));
  }
  EXPECT_EQ(std::ranges::count(all, '\x1b'), 0);
  EXPECT_EQ(std::ranges::count(all, '\r'), 0);
  EXPECT_GE(lines, 50);
  EXPECT_LE(lines, 60);
  EXPECT_THAT(all, StartsWith("step 1 of 200"));
}

TEST(TrainProgress, SlowStepsAreToldOnceAMinute) {
  int lines = 0;
  TrainProgress progress(false, [&](std::string_view) { ++lines; });
  TrainState state = state_at(1);
  state.steps = 100000;
  for (state.step = 2; state.step < 12; ++state.step)
    progress.show(state, 61.0 * static_cast<double>(state.step));
  EXPECT_EQ(lines, 10);
}

TEST(TrainProgress, ATerminalIsDrawnTenTimesASecondAndLeftClean) {
  std::string last;
  int writes = 0;
  TrainProgress progress(true, [&](std::string_view text) {
    last = text;
    ++writes;
  });
  for (int64_t step = 1; step <= 100; ++step)
    progress.show(state_at(step), 0.011 * static_cast<double>(step));
  EXPECT_LE(writes, 11);
  EXPECT_GE(writes, 9);
  EXPECT_THAT(last, StartsWith("\r\x1b[K[========"));
  EXPECT_THAT(last, Not(HasSubstr("\n")));
  progress.clear();
  EXPECT_EQ(last, "\r\x1b[K");
  writes = 0;
  progress.clear();
  EXPECT_EQ(writes, 0);
}

}  // namespace
}  // namespace flame::cli
