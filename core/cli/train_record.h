// What a training leaves behind of itself: metrics, progress on the terminal, facts and the report.
#pragma once

#include <filesystem>
#include <memory>

#include "core/cli/run_facts.h"
#include "core/cli/train_exports.h"
#include "core/cli/train_progress.h"
#include "core/pipeline/pipeline.h"
#include "core/plugin/plugin_data_source.h"
#include "core/plugin/plugin_host.h"
#include "core/train/metrics_log.h"
#include "core/train/schedule.h"
#include "core/train/step_clock.h"
#include "core/train/validation.h"

namespace flame::cli {

// One thread at a time; the pipeline outlives it. Facts are written when the training begins and when
// it ends, so that a report can be made of a run that was cut off too.
class TrainRecord {
 public:
  // In runs/NAME.
  explicit TrainRecord(const Pipeline &pipeline);

  const std::filesystem::path &folder() const { return folder_; }
  RunFacts &facts() { return facts_; }

  void notes(const std::vector<DataNote> &notes);
  void timed(std::string what, double seconds);
  void data(const TrainingSet &set);
  // Those that are started by now.
  void plugins(const PluginHost &host);
  void plan(const TrainPlan &plan);
  void exported(const std::vector<WrittenExport> &written);

  // Right before the first step of this process; the trainer stays. `rates` are those of the groups, before the schedule.
  Status begin(const Trainer &trainer, std::vector<double> rates);
  // Steps that are done, in their order; all of them finite.
  Status steps(std::span<const StepReport> reports);
  // Nothing that happens while the pause lives counts as time of steps. Reports of all steps were
  // taken before.
  [[nodiscard]] ClockPause pause();

  // Whether held-out examples are to be measured now: before the first step, every
  // train.validate_every steps, and behind the last one.
  bool validates(int64_t step) const;
  Status validated(int64_t step, double loss);

  // Writes facts and report. `outcome`: "finished", or why not.
  Status end(std::string outcome);

 private:
  const Pipeline &pipeline_;
  std::filesystem::path folder_;
  RunFacts facts_;
  std::optional<MetricsLog> log_;
  StepClock clock_;
  std::optional<TrainProgress> progress_;
  Schedule schedule_;
  std::vector<std::string> groups_;
  std::vector<double> rates_;
  const Trainer *trainer_ = nullptr;  // from begin() on
  uint64_t memory_bytes_ = 0;
  bool memory_is_known_ = false;  // until the next pause
  int64_t steps_ = 0, checkpoint_every_ = 0, validate_every_ = 0;
  bool has_held_out_ = false;
};

}  // namespace flame::cli
