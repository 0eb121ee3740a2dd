#include "core/cli/train_record.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "core/base/log.h"
#include "core/base/version.h"
#include "core/cli/report_page.h"
#include "core/cli/train_settings.h"
#include "core/pipeline/settings_list.h"
#include "core/train/plan_memory.h"

namespace flame::cli {
namespace {

double now_of_unix() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Text with paths, as they read from the folder in which the run was started: what a page that is
// shown to others tells of the machine is no more than that.
std::string from_here(std::string text) {
  std::error_code failed;
  const std::string here = std::filesystem::current_path(failed).string() + "/";
  if (failed || here.size() < 2) return text;
  for (size_t at = text.find(here); at != std::string::npos; at = text.find(here, at)) {
    const bool begins =
        at == 0 || std::string_view(" \"'([\n=").find(text[at - 1]) != std::string::npos;
    if (begins) text.erase(at, here.size());
    if (!begins) ++at;
  }
  return text;
}

std::vector<Setting> settings_of(const Pipeline &pipeline) {
  std::vector<Setting> list;
  const Json settings = settings_list(pipeline);
  for (const auto &[key, value] : *settings.as_object())
    list.push_back({key, from_here(value.as_string() ? *value.as_string() : value.dump())});
  return list;
}

}  // namespace

TrainRecord::TrainRecord(const Pipeline &pipeline)
    : pipeline_(pipeline), folder_(std::filesystem::path("runs") / pipeline.run) {
  const SectionValues train(pipeline.root.find_section("train"));
  steps_ = train.get<int64_t>("steps");
  checkpoint_every_ = train.get<int64_t>("checkpoint_every");
  validate_every_ = train.get<int64_t>("validate_every");
  schedule_ = schedule_of(pipeline);
  facts_.version = kVersion;
  facts_.run = pipeline.run;
  facts_.file = from_here(pipeline.file.string());
  facts_.started = now_of_unix();
  facts_.steps = steps_;
  facts_.settings = settings_of(pipeline);
  facts_.prompts = SectionValues(pipeline.root.find_section("sample")).texts("prompts");
}

void TrainRecord::notes(const std::vector<DataNote> &notes) {
  for (const DataNote &note : notes) facts_.notes.push_back({note.warning, from_here(note.text)});
}

void TrainRecord::timed(std::string what, double seconds) {
  facts_.timings.push_back({std::move(what), seconds});
}

void TrainRecord::data(const TrainingSet &set) {
  facts_.buckets.clear();
  for (const TrainBucket &bucket : set.buckets) {
    facts_.buckets.push_back(
        {fmt::format("{} × {}{}", bucket.width, bucket.height, bucket.masked ? ", with masks" : ""),
         0, 0});
  }
  for (const TrainingSet::Example &each : set.learned) ++facts_.buckets[each.bucket].learned;
  for (const TrainingSet::Example &each : set.held_out) ++facts_.buckets[each.bucket].held_out;
  has_held_out_ = !set.held_out.empty();
}

void TrainRecord::plugins(const PluginHost &host) {
  facts_.plugins.clear();
  for (const StartedPlugin *plugin : host.started())
    facts_.plugins.push_back({plugin->id(), plugin->spec().version, plugin->sha256()});
}

void TrainRecord::plan(const TrainPlan &plan) {
  const std::vector<uint64_t> bytes = bytes_by_class(plan);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] > 0)
      facts_.memory.push_back({std::string(name_of(static_cast<MemoryClass>(i))), bytes[i]});
  }
  facts_.tensors = static_cast<int64_t>(plan.trained.size());
  facts_.parameters = 0;
  for (const FlatGroup &group : plan.layout)
    for (const FlatSlice &slice : group.slices)
      facts_.parameters += slice.type.shape.element_count();
}

Status TrainRecord::begin(const Trainer &trainer, std::vector<double> rates) {
  FLAME_ASSIGN(log_, MetricsLog::open(folder_, trainer.step()));
  if (!log_->problem().empty())
    log::warning(fmt::format("the metrics of later steps are lost: {}", log_->problem()));
  for (const FlatGroup &group : trainer.plan().layout) groups_.push_back(group.name);
  rates_ = std::move(rates);
  trainer_ = &trainer;
  facts_.outcome = "not finished";
  FLAME_TRY(write_facts(facts_, folder_));
  progress_.emplace();
  clock_ = StepClock();
  return {};
}

Status TrainRecord::steps(std::span<const StepReport> reports) {
  if (reports.empty()) return {};
  const double seconds = clock_.steps(static_cast<int64_t>(reports.size()));
  if (!memory_is_known_) memory_bytes_ = trainer_->allocated_bytes();
  memory_is_known_ = true;
  for (const StepReport &report : reports) {
    MetricsRow row;
    row.step = report.step;
    row.time = now_of_unix();
    row.loss = report.loss;
    row.gradient_norm = report.gradient_norm;
    row.seconds = seconds;
    row.memory_bytes = memory_bytes_;
    const double factor = learning_rate_factor(schedule_, report.step - 1);
    for (size_t i = 0; i < groups_.size(); ++i)
      row.learning_rates.emplace_back(groups_[i], rates_[i] * factor);
    FLAME_TRY(log_->add(std::move(row)));
    progress_->show({report.step, steps_, clock_.seconds_a_step(), checkpoint_every_,
                     log_->smoothed_loss().value_or(report.loss), memory_bytes_},
                    clock_.active_seconds());
  }
  return {};
}

void TrainRecord::exported(const std::vector<WrittenExport> &written) {
  for (const WrittenExport &each : written)
    facts_.exports.push_back({from_here(each.path), each.coverage});
}

ClockPause TrainRecord::pause() {
  if (progress_) progress_->clear();
  memory_is_known_ = false;
  return ClockPause(clock_);
}

bool TrainRecord::validates(int64_t step) const {
  if (!has_held_out_ || log_->was_validated(step)) return false;
  return step == 0 || step >= steps_ || step % validate_every_ == 0;
}

Status TrainRecord::validated(int64_t step, double loss) {
  MetricsRow row;
  row.step = step;
  row.time = now_of_unix();
  row.validation_loss = loss;
  FLAME_TRY(log_->add(std::move(row)));
  progress_->clear();
  fmt::print("step {}: loss {:.4f} on held-out pictures\n", step, loss);
  return {};
}

Status TrainRecord::end(std::string outcome) {
  if (progress_) progress_->clear();
  facts_.outcome = std::move(outcome);
  facts_.ended = now_of_unix();
  timed("training steps", clock_.active_seconds());
  if (clock_.paused_seconds() > 0)
    timed("pictures, held-out examples and checkpoints", clock_.paused_seconds());
  FLAME_TRY(write_facts(facts_, folder_));
  FLAME_TRY(write_report(folder_));
  fmt::print("report: {}\n", (folder_ / kReportFile).string());
  return {};
}

}  // namespace flame::cli
