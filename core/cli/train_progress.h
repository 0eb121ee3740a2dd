// How far a training is: one line that changes on a terminal, a plain line now and then elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace flame::cli {

struct TrainState {
  int64_t step = 0, steps = 0;
  std::optional<double> seconds_a_step;  // of training alone
  int64_t checkpoint_every = 0;          // 0: none is written
  double loss = 0;                       // smoothed
  uint64_t memory_bytes = 0;
};

// "step 40 of 200, 0.52 s a step, 1 min 23 s left, checkpoint in 31 s, loss 0.1234, 1.2 GiB".
std::string train_state_text(const TrainState &state);

// One thread at a time.
class TrainProgress {
 public:
  // `write` gets whole lines without an end, or, on a terminal, what replaces the line.
  using Write = std::function<void(std::string_view)>;
  // Of this process: standard error if that is a terminal, else lines on standard output.
  TrainProgress();
  TrainProgress(bool terminal, Write write);
  ~TrainProgress() { clear(); }
  TrainProgress(const TrainProgress &) = delete;
  TrainProgress &operator=(const TrainProgress &) = delete;

  // `now`: seconds of any clock; a terminal is drawn ten times a second at most.
  void show(const TrainState &state, double now);
  // Before anything else is written.
  void clear();

 private:
  bool terminal_ = false;
  Write write_;
  bool drawn_ = false;
  std::optional<double> last_;
};

}  // namespace flame::cli
