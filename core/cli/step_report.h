// The result of a training step on two backends, as a table, as JSON and as a page.
#pragma once

#include <optional>

#include "core/base/json.h"
#include "core/train/step_check.h"

namespace flame::cli {

struct StepReportFacts {
  std::string pipeline;              // the file
  std::string reference, candidate;  // backend and device
  std::string step;                  // "f32, batch 1, 512 x 512 pixels"
  std::string data, start;           // what both were given, in words
  conformance::Tier tier;
  size_t depth = 0;  // of the candidate's program, as depth_of() has it
  // Of a narrow type: what the same rounding does to the reference's own gradients.
  std::optional<conformance::ProgramCheck> rounding;
  std::vector<std::pair<std::string, double>> seconds;  // what took how long
};

struct CheckedStep {
  StepReportFacts facts;
  StepCheck step;
  std::optional<conformance::LockstepCheck> lockstep;

  bool equal() const { return step.equal() && !(lockstep && lockstep->first); }
};

// The loss, the worst gradients first, and counts.
void print_step(const CheckedStep &check);
// What was found op by op, times and the verdict.
void print_step_end(const CheckedStep &check);
Json to_json(const CheckedStep &check);
// Self-contained: every gradient, and the errors over the model.
std::string step_page(const CheckedStep &check);

}  // namespace flame::cli
