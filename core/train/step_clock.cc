#include "core/train/step_clock.h"

#include <chrono>

namespace flame {
namespace {

// Enough to even out buckets of different sizes, few enough to follow a machine that changes its pace.
constexpr int64_t kCountedSteps = 200;

double machine_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

StepClock::StepClock(Now now) : now_(now ? std::move(now) : machine_seconds), start_(now_()) {}

double StepClock::active_seconds() const {
  return (pauses_ > 0 ? pause_start_ : now_()) - start_ - paused_;
}

double StepClock::paused_seconds() const {
  return paused_ + (pauses_ > 0 ? now_() - pause_start_ : 0);
}

void StepClock::pause() {
  if (pauses_++ == 0) pause_start_ = now_();
}

void StepClock::resume() {
  if (--pauses_ == 0) paused_ += now_() - pause_start_;
}

double StepClock::steps(int64_t count) {
  const double now = active_seconds(), each = (now - last_) / static_cast<double>(count);
  last_ = now;
  // Of steps that are heard of together with the first, only the end is known.
  steps_ += count;
  marks_.push_back({now, steps_});
  while (marks_.size() > 2 && steps_ - marks_[1].steps >= kCountedSteps) marks_.pop_front();
  return each;
}

std::optional<double> StepClock::seconds_a_step() const {
  if (marks_.size() < 2) return std::nullopt;
  const Mark &first = marks_.front(), &last = marks_.back();
  return (last.seconds - first.seconds) / static_cast<double>(last.steps - first.steps);
}

}  // namespace flame
