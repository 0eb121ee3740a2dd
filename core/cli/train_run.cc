#include "core/cli/train_run.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>

#include "core/base/log.h"
#include "core/base/rounded_size.h"
#include "core/base/terminal.h"
#include "core/cli/interrupt.h"
#include "core/cli/progress.h"
#include "core/cli/run_folder.h"
#include "core/cli/train_parts.h"
#include "core/cli/train_settings.h"
#include "core/cli/training_facts.h"
#include "core/io/model_config.h"
#include "core/io/weight_fingerprint.h"
#include "core/pipeline/device_request.h"
#include "core/train/features.h"
#include "core/train/health.h"

namespace flame::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Everything of one training, in the order in which it is made.
class TrainRun {
 public:
  TrainRun(const Pipeline &pipeline, const ResumeRequest &resume)
      : pipeline_(pipeline), resume_(resume) {}

  Status run() {
    FLAME_TRY(open_folder());
    FLAME_TRY(open_models());
    FLAME_TRY(open_data());
    FLAME_TRY(make_features());
    FLAME_TRY(make_trainer());
    FLAME_TRY(check_gradients());
    FLAME_TRY(restore());
    FLAME_TRY(learn());
    return check_effect();
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
    const ResolvedSection *backend = pipeline_.root.find_section("backend");
    OpenDeviceRequest automatic;
    automatic.reference = "auto";
    FLAME_ASSIGN(device_, open_device(host_, *pipeline_.catalogue,
                                      backend ? device_request(*backend) : automatic));
    FLAME_ASSIGN(models_,
                 open_drawing_models(host_, pipeline_, *pipeline_.root.find_section("model"),
                                     pipeline_.root.find_section("sample")));
    FLAME_ASSIGN(parts_, open_train_parts(host_, pipeline_, models_->paint));
    settings_ = train_settings(pipeline_, models_->paint.spec);
    FLAME_ASSIGN(const NoiseLevelSettings noise, noise_level_settings(pipeline_));
    FLAME_ASSIGN(levels_,
                 NoiseLevels::make(models_->paint.spec.noise_levels,
                                   settings_.objective.prediction == Prediction::kVelocity, noise));
    FLAME_ASSIGN(form_, text_form(models_->paint));
    return {};
  }

  Status open_data() {
    const ResolvedSection &data = *pipeline_.root.find_section("data");
    FLAME_ASSIGN(const AttributeList options,
                 model_options(*data.component.component, data.component_options));
    FLAME_ASSIGN(const StartedComponent started, host_.start(data.component));
    FLAME_ASSIGN(PluginDataSource source,
                 PluginDataSource::create(started.table<flame_data_source_interface>(),
                                          started.plugin->id(), started.component->id, options));
    source_ = std::make_unique<PluginDataSource>(std::move(source));
    FLAME_ASSIGN(const std::vector<DataNote> notes, source_->notes());
    for (const DataNote &note : notes) {
      if (note.warning) log::warning(printable(note.text));
      if (!note.warning) fmt::print("{}\n", note.text);
    }
    return make_set({});
  }

  Status make_set(std::span<const uint64_t> broken) {
    FLAME_ASSIGN(set_, training_set(*source_, broken, section("data").get<double>("validation"),
                                    models_->paint.spec.latent_size));
    return {};
  }

  Status make_features() {
    FeatureSettings settings;
    settings.text_rows = settings_.text_rows;
    settings.unit = models_->paint.spec.latent_size;
    for (size_t i = 0; i < models_->paint.parts.size(); ++i) {
      FLAME_ASSIGN(const std::string print, weight_fingerprint(*models_->paint.parts[i].weights));
      const bool text = models_->paint.spec.parts[i].kind == DiffusionPart::Kind::kTextEncoder;
      std::string &key = text ? settings.text_key : settings.picture_key;
      key += fmt::format("{} {} ", print, name_of(settings_.compute));
    }
    maker_ = std::make_unique<FeatureMaker>(models_->paint, form_, parts_->cached_roles,
                                            settings_.compute, *device_);
    features_ = std::make_unique<Features>(*source_, *maker_, settings);
    std::vector<TrainingSet::Example> all = set_.learned;
    all.insert(all.end(), set_.held_out.begin(), set_.held_out.end());
    const Clock::time_point start = Clock::now();
    ProgressLine line("making latents and states of text");
    FLAME_ASSIGN(const std::vector<BrokenExample> broken,
                 features_->prepare(all, [&](uint64_t done, uint64_t total) -> Status {
                   line.show(done, total);
                   return {};
                 }));
    fmt::print("{} examples in {} sizes, latents and texts ready after {:.1f} s\n", all.size(),
               set_.buckets.size(), seconds_since(start));
    if (broken.empty()) return {};
    std::vector<uint64_t> numbers;
    for (const BrokenExample &each : broken) {
      log::warning(fmt::format("left out: {}", each.error.what));
      numbers.push_back(each.source);
    }
    std::ranges::sort(numbers);
    return make_set(numbers);
  }

  Status make_trainer() {
    FLAME_ASSIGN(TrainPlan plan,
                 plan_training(models_->paint, parts_->parts, set_.buckets, settings_, *device_));
    for (const std::string &name : plan.unreached)
      log::debug(fmt::format("{} is left out: the prediction does not depend on it", name));
    FLAME_ASSIGN(order_, BatchOrder::make(set_.ordered(), static_cast<uint32_t>(settings_.batch),
                                          SectionValues(&pipeline_.root).get<int64_t>("seed")));
    FeederSettings feeding = feeder_settings(pipeline_);
    feeding.text_rows = settings_.text_rows;
    feeder_.emplace(*source_, *features_, *order_, set_.fed(), set_.buckets, *levels_,
                    parts_->encoders, feeding);
    const Clock::time_point start = Clock::now();
    ProgressLine line("loading weights");
    FLAME_ASSIGN(trainer_,
                 Trainer::make(std::move(plan), models_->paint,
                               trainer_settings(pipeline_, parts_->learning_rates), *device_,
                               [&](uint64_t done, uint64_t total) { line.show(done, total); }));
    fmt::print("{} parameters in {} tensors learn on {}: {} of memory, ready after {:.1f} s\n",
               parameter_count(), trainer_->plan().trained.size(), device_->info().name,
               rounded_size_text(trainer_->allocated_bytes()), seconds_since(start));
    return {};
  }

  int64_t parameter_count() const {
    int64_t count = 0;
    for (const FlatGroup &group : trainer_->plan().layout)
      for (const FlatSlice &slice : group.slices) count += slice.type.shape.element_count();
    return count;
  }

  Status check_gradients() {
    FLAME_ASSIGN(start_, trainer_->parameters());
    FLAME_ASSIGN(const PassInput input, feeder_->input(0));
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
    FLAME_ASSIGN(Json facts, training_facts(host_, *models_, *source_, set_, *device_));
    return checkpoints_->restore(*trainer_, std::move(facts));
  }

  Status take(const std::vector<StepReport> &reports) {
    for (const StepReport &report : reports) {
      if (!report.finite) return not_finite(report);
      if (report.step % 10 == 0 || report.step == steps())
        fmt::print("step {} of {}: loss {:.4f}, gradient {:.3g}\n", report.step, steps(),
                   report.loss, report.gradient_norm);
    }
    return {};
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
    const Interrupts interrupts;
    while (trainer_->step() < steps()) {
      if (interrupts.requested()) return stop();
      const int64_t number = trainer_->step() * accumulate + trainer_->passes();
      FLAME_ASSIGN(const PassInput input, feeder_->input(number));
      FLAME_TRY(trainer_->pass(input, learning_rate_factor(schedule, trainer_->step())));
      FLAME_ASSIGN(const std::vector<StepReport> reports, trainer_->reports(false));
      FLAME_TRY(take(reports));
      if (checkpoints_->is_due(*trainer_)) FLAME_TRY(save());
    }
    return saved_.empty() ? save() : Status();  // it may go on from another run's end
  }

  // Only a state whose steps were all finite.
  Status save() {
    FLAME_ASSIGN(const std::vector<StepReport> reports, trainer_->reports(true));
    FLAME_TRY(take(reports));
    FLAME_ASSIGN(saved_, checkpoints_->save(*trainer_));
    log::info(fmt::format("saved {}", printable(saved_.string())));
    return {};
  }

  Status stop() {
    FLAME_TRY(save());
    return Error{ErrorKind::kInterrupted,
                 fmt::format("stopped at step {} of {}; what was learned is in {}",
                             trainer_->step(), steps(), printable(saved_.string())),
                 "the same command goes on from there"};
  }

  Status check_effect() {
    FLAME_ASSIGN(const PassInput input, feeder_->input(0));
    FLAME_ASSIGN(const double change, effect(*trainer_, input, start_));
    fmt::print("the prediction changed by {:.2g} of its size\n", change);
    if (change >= kLeastEffect) return {};
    return Error{ErrorKind::kNumeric,
                 fmt::format("the adapter changes the prediction by {:.2g} of its size, less than "
                             "{:.0e}: it has learned nothing, and is not exported",
                             change, kLeastEffect),
                 "take a higher learning rate or more steps"};
  }

  const Pipeline &pipeline_;
  ResumeRequest resume_;
  std::optional<RunFolder> folder_;
  std::optional<RunCheckpoints> checkpoints_;
  std::filesystem::path saved_;  // the last checkpoint
  PluginHost host_{{}};
  std::unique_ptr<Device> device_;
  std::unique_ptr<DrawingModels> models_;
  std::unique_ptr<TrainParts> parts_;
  TrainSettings settings_;
  std::optional<NoiseLevels> levels_;
  TextForm form_;
  std::unique_ptr<PluginDataSource> source_;
  TrainingSet set_;
  std::unique_ptr<FeatureMaker> maker_;
  std::unique_ptr<Features> features_;
  std::optional<BatchOrder> order_;
  std::optional<Feeder> feeder_;
  std::unique_ptr<Trainer> trainer_;
  TensorMap start_;  // the parameters before the first step
};

}  // namespace

Status train(const Pipeline &pipeline, const ResumeRequest &resume) {
  return TrainRun(pipeline, resume).run();
}

}  // namespace flame::cli
