#include "core/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace flame {
namespace {

// From 1 at the start, `progress` 0, to 0 at the end, `progress` 1.
double fall(const Schedule &schedule, double progress) {
  const double left = 1 - progress;
  switch (schedule.kind) {
    case ScheduleKind::kConstant:
      return 1;
    case ScheduleKind::kLinear:
      return left;
    case ScheduleKind::kCosine: {
      if (progress >= 1) return 0;
      const double in_cycle = std::fmod(progress * static_cast<double>(schedule.cycles), 1.0);
      return 0.5 * (1 + std::cos(std::numbers::pi * in_cycle));
    }
    case ScheduleKind::kPolynomial:
      return std::pow(left, schedule.power);
    case ScheduleKind::kRex:
      return left / (0.5 + 0.5 * left);
  }
  return 1;
}

}  // namespace

std::optional<ScheduleKind> schedule_kind(std::string_view name) {
  if (name == "constant") return ScheduleKind::kConstant;
  if (name == "linear") return ScheduleKind::kLinear;
  if (name == "cosine") return ScheduleKind::kCosine;
  if (name == "polynomial") return ScheduleKind::kPolynomial;
  if (name == "rex") return ScheduleKind::kRex;
  return std::nullopt;
}

double learning_rate_factor(const Schedule &schedule, int64_t steps_made) {
  if (steps_made < schedule.warmup_steps) {
    return static_cast<double>(steps_made) / static_cast<double>(schedule.warmup_steps);
  }
  if (schedule.kind == ScheduleKind::kConstant) return 1;
  const int64_t falling = std::max<int64_t>(1, schedule.steps - schedule.warmup_steps);
  const double progress =
      static_cast<double>(steps_made - schedule.warmup_steps) / static_cast<double>(falling);
  const double factor = fall(schedule, std::min(1.0, progress));
  return schedule.final_factor + (1 - schedule.final_factor) * factor;
}

}  // namespace flame
