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
  std::vector<std::pair<std::string, double>> seconds;  // what took how long
};

struct CheckedStep {
  StepReportFacts facts;
  StepCheck step;
  std::optional<conformance::LockstepCheck> lockstep;

  bool equal() const { return step.equal() && !(lockstep && lockstep->first); }
};

// The loss, the worst gradients first, counts and the verdict.
void print_step(const CheckedStep &check);
Json to_json(const CheckedStep &check);
// Self-contained: every gradient, and the errors over the model.
std::string step_page(const CheckedStep &check);

}  // namespace flame::cli
