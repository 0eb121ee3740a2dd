// How the learning rate changes over the steps: pure functions of the step's number.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flame {

enum class ScheduleKind {
  kConstant,
  kLinear,
  kCosine,
  kPolynomial,
  kRex
};

// "linear": the names of the pipeline's components.
std::optional<ScheduleKind> schedule_kind(std::string_view name);

struct Schedule {
  ScheduleKind kind = ScheduleKind::kConstant;
  int64_t steps = 1;         // of the run, at least 1
  int64_t warmup_steps = 0;  // in which the rate rises from 0
  double final_factor = 0;   // what is left at the end; kConstant has none
  double power = 1;          // of kPolynomial
  int64_t cycles = 1;        // of kCosine: each begins at the full rate again
};

// What the learning rate is multiplied by in the step after `steps_made` steps. Behind the last step
// it stays as at the end.
double learning_rate_factor(const Schedule &schedule, int64_t steps_made);

}  // namespace flame
