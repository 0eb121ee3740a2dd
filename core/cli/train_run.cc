#include "core/cli/train_run.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>

#include "core/base/log.h"
#include "core/base/rounded_size.h"
#include "core/base/terminal.h"
#include "core/cli/interrupt.h"
#include "core/cli/picture_session.h"
#include "core/cli/progress.h"
#include "core/cli/run_folder.h"
#include "core/cli/train_exports.h"
#include "core/cli/train_record.h"
#include "core/cli/train_settings.h"
#include "core/cli/train_start.h"
#include "core/cli/training_facts.h"
#include "core/cli/training_inputs.h"
#include "core/train/health.h"
#include "core/train/live_adapter.h"

namespace flame::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Everything of one training, in the order in which it is made.
class TrainRun {
 public:
  TrainRun(const Pipeline &pipeline, const OpenDeviceRequest &request, const ResumeRequest &resume)
      : pipeline_(pipeline), request_(request), resume_(resume), record_(pipeline) {}

  Status run() {
    FLAME_TRY(open_folder());
    FLAME_TRY(open_models());
    FLAME_TRY(open_data());
    FLAME_TRY(plan());
    FLAME_TRY(check_files());
    FLAME_TRY(make_features());
    FLAME_TRY(make_trainer());
    FLAME_TRY(make_session());
    FLAME_TRY(check_gradients());
    FLAME_TRY(restore());
    const Status learned = learn_and_finish();
    // The report is about runs that failed too; what made them fail is told first.
    record_.plugins(host_);
    const Status ended = record_.end(learned.ok() ? "finished" : learned.error().what);
    return learned.ok() ? ended : learned;
  }

 private:
  SectionValues section(std::string_view key) const {
    return SectionValues(pipeline_.root.find_section(key));
  }

  Status open_folder() {
    FLAME_ASSIGN(folder_, RunFolder::open(pipeline_.run));
    FLAME_ASSIGN(RunCheckpoints checkpoints,
                 RunCheckpoints::open(pipeline_, folder_->path(), resume_));
    checkpoints_.emplace(std::move(checkpoints));
    return {};
  }

  Status open_models() {
    FLAME_ASSIGN(device_, open_device(host_, *pipeline_.catalogue, request_));
    FLAME_ASSIGN(training_, open_training_models(host_, pipeline_));
    models_ = training_->models.get();
    parts_ = training_->parts.get();
    return {};
  }

  Status open_data() {
    data_.emplace(host_, pipeline_, *training_, *device_);
    FLAME_ASSIGN(const std::vector<DataNote> notes, data_->open());
    record_.notes(notes);
    return {};
  }

  Status plan() {
    FLAME_ASSIGN(plan_, plan_training(models_->paint, parts_->parts, data_->set().buckets,
                                      training_->settings, *device_));
    return {};
  }

  // What could make hours of work worthless is found before them.
  Status check_files() {
    const TensorMap types = plan_->learned_types();
    FLAME_TRY(check_exports(host_, pipeline_, *models_, *parts_, types));
    const auto file = section("adapter").get<std::string>("continue_from");
    if (file.empty()) return {};
    FLAME_ASSIGN(continued_, read_start(file, *models_, *parts_, types));
    fmt::print("{} of {} tensors start from {}\n", continued_.size(), types.size(),
               printable(file));
    return {};
  }

  Status make_features() {
    FLAME_ASSIGN(const std::vector<DataNote> left_out, data_->prepare());
    record_.timed("latents and states of text", data_->seconds());
    record_.notes(left_out);
    record_.data(data_->set());
    return left_out.empty() ? Status() : plan();
  }

  Status make_trainer() {
    record_.plan(*plan_);
    for (const std::string &name : plan_->unreached)
      log::debug(fmt::format("{} is left out: the prediction does not depend on it", name));
    FLAME_TRY(data_->order());
    const Clock::time_point start = Clock::now();
    ProgressLine line("loading weights");
    FLAME_ASSIGN(trainer_,
                 Trainer::make(*std::move(plan_), models_->paint,
                               trainer_settings(pipeline_, parts_->learning_rates), *device_,
                               [&](uint64_t done, uint64_t total) { line.show(done, total); }));
    fmt::print("{} parameters in {} tensors learn on {}: {} of memory, ready after {:.1f} s\n",
               parameter_count(), trainer_->plan().trained.size(), device_->info().name,
               rounded_size_text(trainer_->allocated_bytes()), seconds_since(start));
    record_.timed("memory, weights and kernels", seconds_since(start));
    record_.facts().device = device_->info().name;
    record_.plugins(host_);
    FLAME_ASSIGN(start_, trainer_->parameters());
    warn_of_what_stays();
    if (continued_.empty()) return {};
    return trainer_->start_from(continued_);
  }

  // A learning rate of 0 may be meant for one of several parts; a run in which all have it ends with
  // an adapter without effect.
  void warn_of_what_stays() const {
    const std::vector<double> &rates = parts_->learning_rates;
    for (size_t i = 0; i < rates.size(); ++i) {
      if (rates[i] != 0) continue;
      log::warning(fmt::format("the learning rate of '{}' is 0: it stays as it begins",
                               parts_->parts[i].role));
    }
  }

  // What draws has its memory before the first step too.
  Status make_session() {
    if (!pipeline_.root.find_section("sample")) return {};
    live_ = live_adapter(*trainer_, parts_->parts, section("sample").get<double>("strength", 1.0));
    FLAME_ASSIGN(session_, PictureSession::make(host_, pipeline_, *models_, *device_, &live_));
    return {};
  }

  std::filesystem::path sample_folder() const {
    return folder_->path() / "samples" / fmt::format("step-{:06}", trainer_->step());
  }

  // Pictures of the adapter as it is now. What was asked to stop meanwhile stops.
  Status sample() {
    if (!session_) return {};
    FLAME_TRY(take_all());
    const ClockPause pause = record_.pause();
    const auto folder = sample_folder();
    const Status drawn = session_->draw(folder, false, [this]() -> Status {
      if (!interrupts_->requested()) return {};
      return Error{ErrorKind::kInterrupted, "a picture is left", ""};
    });
    if (!drawn.ok() && drawn.error().kind == ErrorKind::kInterrupted) return stop();
    FLAME_TRY(drawn);
    fmt::print("step {}: pictures in {}\n", trainer_->step(), folder.string());
    std::fflush(stdout);
    return {};
  }

  int64_t parameter_count() const {
    int64_t count = 0;
    for (const FlatGroup &group : trainer_->plan().layout)
      for (const FlatSlice &slice : group.slices) count += slice.type.shape.element_count();
    return count;
  }

  Status check_gradients() {
    FLAME_ASSIGN(const PassInput input, data_->feeder().input(0));
    FLAME_ASSIGN(const auto without, parameters_without_gradient(*trainer_, input));
    if (without.empty()) return {};
    std::string names;
    for (size_t i = 0; i < std::min<size_t>(without.size(), 5); ++i) names += "\n  " + without[i];
    return Error{ErrorKind::kNumeric,
                 fmt::format("{} of {} trained tensors get no gradient, and would never learn:{}{}",
                             without.size(), trainer_->plan().trained.size(), names,
                             without.size() > 5 ? "\n  …" : ""),
                 "leave their layers out of adapter.layers, or look for wrong weights with "
                 "'flamehost weights check'"};
  }

  Status restore() {
    FLAME_ASSIGN(Json facts,
                 training_facts(host_, *models_, data_->source(), data_->set(), *device_));
    return checkpoints_->restore(*trainer_, std::move(facts));
  }

  Status take(const std::vector<StepReport> &reports) {
    for (const StepReport &report : reports)
      if (!report.finite) return not_finite(report);
    return record_.steps(reports);
  }

  static Error not_finite(const StepReport &report) {
    std::string pictures;
    for (size_t i = 0; i < report.losses.size(); ++i) {
      if (std::isfinite(report.losses[i])) continue;
      pictures += "\n  " + printable(report.sources[i]);
    }
    return Error{ErrorKind::kNumeric,
                 fmt::format("step {}: the {} not finite; nothing was changed{}{}", report.step,
                             pictures.empty() ? "gradient is" : "loss of some pictures is",
                             pictures.empty() ? "" : ":", pictures),
                 "take a lower learning rate, compute in bf16 or f32, or leave these pictures out"};
  }

  int64_t steps() const { return section("train").get<int64_t>("steps"); }

  Status learn() {
    const int64_t accumulate = section("train").get<int64_t>("accumulate", 1);
    const Schedule schedule = schedule_of(pipeline_);
    FLAME_TRY(record_.begin(*trainer_, parts_->learning_rates));
    FLAME_TRY(validate());
    // The run may have been stopped while it drew these.
    if (samples_now() && !is_drawn()) FLAME_TRY(sample());
    while (trainer_->step() < steps()) {
      if (interrupts_->requested()) return stop();
      const int64_t number = trainer_->step() * accumulate + trainer_->passes();
      FLAME_ASSIGN(const PassInput input, data_->feeder().input(number));
      FLAME_TRY(trainer_->pass(input, learning_rate_factor(schedule, trainer_->step())));
      // Where the processor itself computes, no step is under way when a pass returns, and each is
      // heard of, and timed, for itself.
      const bool all = device_->readable_by_processor();
      FLAME_ASSIGN(const std::vector<StepReport> reports, trainer_->reports(all));
      FLAME_TRY(take(reports));
      FLAME_TRY(validate());
      if (checkpoints_->is_due(*trainer_)) FLAME_TRY(save());
      if (samples_now()) FLAME_TRY(sample());
    }
    if (saved_.empty()) FLAME_TRY(save());  // it may go on from another run's end
    return take_all();
  }

  Status take_all() {
    FLAME_ASSIGN(const std::vector<StepReport> reports, trainer_->reports(true));
    return take(reports);
  }

  // Only a state whose steps were all finite.
  Status save() {
    FLAME_TRY(take_all());
    const ClockPause pause = record_.pause();
    FLAME_ASSIGN(saved_, checkpoints_->save(*trainer_));
    log::info(fmt::format("saved {}", printable(saved_.string())));
    return {};
  }

  // Behind the last step the state is saved already, and the trainer may hold the averages.
  Status stop() {
    if (trainer_->step() == 0 && trainer_->passes() == 0)
      return Error{ErrorKind::kInterrupted, "stopped before the first step", ""};
    if (trainer_->step() < steps()) FLAME_TRY(save());
    return Error{ErrorKind::kInterrupted,
                 fmt::format("stopped at step {} of {}; what was learned is in {}",
                             trainer_->step(), steps(), printable(saved_.string())),
                 "the same command goes on from there"};
  }

  // The last step's pictures are drawn behind the run's end.
  bool samples_now() const {
    const auto every = section("sample").get<int64_t>("every");
    const int64_t step = trainer_->step();
    return every > 0 && trainer_->passes() == 0 && step % every == 0 && step < steps();
  }

  bool is_drawn() const {
    const size_t pictures = section("sample").texts("prompts").size();
    std::error_code ignored;
    return std::filesystem::exists(sample_folder() / fmt::format("{:03}.png", pictures), ignored);
  }

  // What the run leaves behind: the moving averages, where they were asked for.
  Status finish() {
    FLAME_ASSIGN(final_, trainer_->averages());
    FLAME_TRY(trainer_->set_parameters(final_));
    FLAME_TRY(check_effect());
    FLAME_TRY(sample());
    const Result<std::vector<WrittenExport>> written =
        write_exports(host_, pipeline_, *models_, *parts_, final_, facts());
    if (!written.ok()) return not_written(written.error());
    record_.exported(*written);
    return {};
  }

  Error not_written(Error error) const {
    error.hint +=
        fmt::format("{}what was learned is in {}: the same command writes the files from it",
                    error.hint.empty() ? "" : "; ", printable(saved_.string()));
    return error;
  }

  Status learn_and_finish() {
    interrupts_.emplace();
    if (trainer_->step() == 0) FLAME_TRY(sample());
    FLAME_TRY(learn());
    return finish();
  }

  ExportFacts facts() const {
    ExportFacts facts = facts_of(pipeline_);
    facts.emplace_back("steps", fmt::format("{}", trainer_->step()));
    facts.emplace_back("images", fmt::format("{}", data_->set().learned.size()));
    facts.emplace_back(
        "prediction",
        training_->settings.objective.prediction == Prediction::kVelocity ? "v" : "epsilon");
    return facts;
  }

  // Between two steps, where it is due.
  Status validate() {
    const int64_t step = trainer_->step();
    if (trainer_->passes() != 0 || !record_.validates(step)) return {};
    FLAME_TRY(take_all());
    const ClockPause pause = record_.pause();
    if (!validation_feeder_) {
      std::vector<FedExample> held_out;
      for (const TrainingSet::Example &each : data_->set().held_out)
        held_out.push_back({each.source, 1});
      FeederSettings feeding;
      feeding.seed = kValidationSeed;
      feeding.text_rows = training_->settings.text_rows;
      validation_feeder_.emplace(data_->feeder_of(std::move(held_out), feeding));
    }
    const auto passes = validation_passes(data_->set().held_out, training_->settings.batch,
                                          training_->levels->count());
    FLAME_ASSIGN(const double loss, validation_loss(*trainer_, *validation_feeder_, passes));
    return record_.validated(step, loss);
  }

  Status check_effect() {
    FLAME_ASSIGN(const PassInput input, data_->feeder().input(0));
    FLAME_ASSIGN(const double change, effect(*trainer_, input, start_));
    record_.facts().results.push_back(
        fmt::format("the prediction changed by {:.2g} of its size", change));
    fmt::print("{}\n", record_.facts().results.back());
    if (change >= kLeastEffect) return {};
    return Error{ErrorKind::kNumeric,
                 fmt::format("what learned changes the prediction by {:.2g} of its size, less than "
                             "{:.0e}: it has learned nothing, and is not exported",
                             change, kLeastEffect),
                 "take a higher learning rate or more steps"};
  }

  const Pipeline &pipeline_;
  const OpenDeviceRequest &request_;
  const ResumeRequest &resume_;
  std::optional<RunFolder> folder_;
  std::optional<RunCheckpoints> checkpoints_;
  std::filesystem::path saved_;  // the last checkpoint
  PluginHost host_{{}};
  std::unique_ptr<Device> device_;
  std::unique_ptr<TrainingModels> training_;
  DrawingModels *models_ = nullptr;  // of it
  TrainParts *parts_ = nullptr;      // the same
  std::optional<TrainingData> data_;
  std::optional<TrainPlan> plan_;  // until there is a trainer
  TensorMap continued_;            // of adapter.continue_from
  std::optional<Feeder> validation_feeder_;
  std::unique_ptr<Trainer> trainer_;
  TensorMap start_;  // the parameters as the adapter begins, without effect
  TensorMap final_;  // what is exported
  LiveAdapter live_;
  std::unique_ptr<PictureSession> session_;  // null: nothing is drawn
  TrainRecord record_;
  std::optional<Interrupts> interrupts_;  // from the first picture on
};

}  // namespace

Status train(const Pipeline &pipeline, const OpenDeviceRequest &request,
             const ResumeRequest &resume) {
  return TrainRun(pipeline, request, resume).run();
}

}  // namespace flame::cli
