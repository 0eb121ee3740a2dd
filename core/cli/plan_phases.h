// What a pipeline will take of a device, phase by phase, before anything is loaded.
#pragma once

#include "core/cli/drawing_models.h"
#include "core/cli/train_parts.h"
#include "core/sample/text_form.h"
#include "core/train/training_set.h"

namespace flame::cli {

// What is done one after the other: each gives its memory back before the next, but for pictures in a
// training, which are drawn beside it.
struct PlannedPhase {
  std::string name;             // "training"
  std::vector<uint64_t> bytes;  // by MemoryClass
  uint64_t total() const;
  // How often its work is done, and that work: programs and how often each runs in it.
  struct Work {
    std::string what;  // "step"
    double times = 0;
    std::vector<std::pair<const PlacedProgram *, double>> programs;
  };
  std::vector<Work> work;
};

// Stays where it is: phases point to the programs.
struct PlannedRun {
  std::vector<PlannedPhase> phases;
  std::vector<std::unique_ptr<PlacedProgram>> programs;
  std::unique_ptr<TrainPlan> training;
  uint64_t device_bytes = 0;  // OwnMemory::device

  PlannedRun() = default;
  PlannedRun(const PlannedRun &) = delete;
  PlannedRun &operator=(const PlannedRun &) = delete;

  const PlannedPhase *peak() const;  // null without phases
};

struct PlanRequestOfRun {
  const Pipeline *pipeline = nullptr;
  const PaintModels *models = nullptr;  // may be without weights
  const TrainParts *parts = nullptr;    // null: pictures alone are drawn
  const TrainingSet *set = nullptr;     // as `parts`
  bool unlimited = false;               // backend.memory is passed over
};

// Errors: those of planning; kOutOfMemory if backend.memory cannot be kept.
Result<std::unique_ptr<PlannedRun>> plan_run(const PlanRequestOfRun &request, Device &device);

}  // namespace flame::cli
