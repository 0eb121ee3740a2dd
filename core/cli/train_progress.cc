#include "core/cli/train_progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "core/base/rounded_size.h"

namespace flame::cli {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int64_t kPlainLines = 50;  // of a whole run
constexpr double kPlainSeconds = 60;
constexpr int kBarCells = 20;
constexpr std::string_view kStartOfLine = "\r\x1b[K";

std::string time_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 3600) return fmt::format("{} min", whole / 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

int64_t next_checkpoint(const TrainState &state) {
  const int64_t next = (state.step / state.checkpoint_every + 1) * state.checkpoint_every;
  return std::min(next, state.steps);
}

std::string bar(const TrainState &state) {
  const auto cells = static_cast<int>(kBarCells * state.step / std::max<int64_t>(state.steps, 1));
  return fmt::format("[{:=<{}}{: <{}}]", "", cells, "", kBarCells - cells);
}

bool is_plain_step(const TrainState &state) {
  const int64_t interval = std::max<int64_t>(1, state.steps / kPlainLines);
  return state.step == 1 || state.step == state.steps || state.step % interval == 0;
}

}  // namespace

std::string train_state_text(const TrainState &state) {
  std::string text = fmt::format("step {} of {}", state.step, state.steps);
  if (state.seconds_a_step) {
    const double pace = *state.seconds_a_step;
    text += fmt::format(", {:.3g} s a step", pace);
    if (state.step < state.steps) {
      text += ", " + time_text(pace * static_cast<double>(state.steps - state.step)) + " left";
      if (state.checkpoint_every > 0) {
        const auto steps = static_cast<double>(next_checkpoint(state) - state.step);
        text += ", checkpoint in " + time_text(pace * steps);
      }
    }
  }
  return text + fmt::format(", loss {:.4f}, {}", state.loss, rounded_size_text(state.memory_bytes));
}

TrainProgress::TrainProgress() : terminal_(isatty(STDERR_FILENO) == 1) {
  std::FILE *to = terminal_ ? stderr : stdout;
  const bool has_end = !terminal_;
  write_ = [to, has_end](std::string_view text) {
    fmt::print(to, "{}{}", text, has_end ? "\n" : "");
    std::fflush(to);
  };
}

TrainProgress::TrainProgress(bool terminal, Write write)
    : terminal_(terminal), write_(std::move(write)) {}

void TrainProgress::show(const TrainState &state, double now) {
  const double interval = terminal_ ? kRedrawSeconds : kPlainSeconds;
  const bool due = !last_ || now - *last_ >= interval;
  if (!due && (terminal_ || !is_plain_step(state))) return;
  last_ = now;
  if (!terminal_) return write_(train_state_text(state));
  drawn_ = true;
  write_(fmt::format("{}{} {}", kStartOfLine, bar(state), train_state_text(state)));
}

void TrainProgress::clear() {
  if (drawn_) write_(kStartOfLine);
  drawn_ = false;
}

}  // namespace flame::cli
