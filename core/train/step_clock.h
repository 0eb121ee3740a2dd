// How long steps take, and how long the rest of them will: a clock that stands still while something
// else is done.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

namespace flame {

// One thread at a time.
class StepClock {
 public:
  using Now = std::function<double()>;  // seconds, never falling
  // The machine's clock, or one of a test.
  explicit StepClock(Now now = {});

  // `count` steps were heard of at once, since the last call: seconds of each.
  double steps(int64_t count);
  // Nothing counts until as many resume() as pause() were called.
  void pause();
  void resume();

  // Of the last steps; the first one, which makes things ready, does not count. Nothing before the
  // second.
  std::optional<double> seconds_a_step() const;
  // Since the clock was made, pauses taken out; and the pauses.
  double active_seconds() const;
  double paused_seconds() const;

 private:
  struct Mark {
    double seconds = 0;  // active
    int64_t steps = 0;
  };

  Now now_;
  double start_ = 0, paused_ = 0, pause_start_ = 0, last_ = 0;
  int pauses_ = 0;
  std::deque<Mark> marks_;  // the oldest that counts, and what came behind it
  int64_t steps_ = 0;
};

// Holds the clock while it lives.
class ClockPause {
 public:
  explicit ClockPause(StepClock &clock) : clock_(clock) { clock_.pause(); }
  ~ClockPause() { clock_.resume(); }
  ClockPause(const ClockPause &) = delete;
  ClockPause &operator=(const ClockPause &) = delete;

 private:
  StepClock &clock_;
};

}  // namespace flame
