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
#include "core/io/model_config.h"
#include "core/io/weight_fingerprint.h"
#include "core/train/features.h"
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
    FLAME_TRY(check_sample());
    FLAME_ASSIGN(models_, open_drawing_models(host_, pipeline_,
                                              *pipeline_.root.find_section("model"), nullptr));
    FLAME_ASSIGN(parts_, open_train_parts(host_, pipeline_, models_->paint));
    settings_ = train_settings(pipeline_, models_->paint.spec);
    FLAME_ASSIGN(const NoiseLevelSettings noise, noise_level_settings(pipeline_));
    FLAME_ASSIGN(levels_,
                 NoiseLevels::make(models_->paint.spec.noise_levels,
                                   settings_.objective.prediction == Prediction::kVelocity, noise));
    FLAME_ASSIGN(form_, text_form(models_->paint));
    return {};
  }

  // A training draws with its own adapter alone.
  Status check_sample() const {
    const ResolvedSection *sample = pipeline_.root.find_section("sample");
    for (size_t i = 0; sample && i < sample->sections.size(); ++i) {
      if (sample->sections[i].spec->key != "loras") continue;
      return config_error("sample.loras is for drawing alone, and this pipeline trains",
                          "leave it out; merge the LoRA into the checkpoint to train on top of it");
    }
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
    record_.notes(notes);
    return make_set({});
  }

  Status make_set(std::span<const uint64_t> broken) {
    FLAME_ASSIGN(set_, training_set(*source_, broken, section("data").get<double>("validation"),
                                    models_->paint.spec.latent_size));
    return {};
  }

  Status plan() {
    FLAME_ASSIGN(plan_,
                 plan_training(models_->paint, parts_->parts, set_.buckets, settings_, *device_));
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
    FLAME_ASSIGN(FeatureCache cache, FeatureCache::open(cache_folder()));
    cache_ = std::make_unique<FeatureCache>(std::move(cache));
    features_ = std::make_unique<Features>(*source_, *maker_, *cache_, settings);
    std::vector<TrainingSet::Example> all = set_.learned;
    all.insert(all.end(), set_.held_out.begin(), set_.held_out.end());
    const Clock::time_point start = Clock::now();
    ProgressLine line("making latents and states of text");
    FLAME_ASSIGN(const std::vector<BrokenExample> broken,
                 features_->prepare(all, [&](uint64_t done, uint64_t total) -> Status {
                   line.show(done, total);
                   return {};
                 }));
    fmt::print(
        "{} examples in {} sizes, latents and texts ready after {:.1f} s: {} made, the rest in "
        "{}\n",
        all.size(), set_.buckets.size(), seconds_since(start), cache_->stored(),
        printable(cache_->folder().string()));
    record_.timed("latents and states of text", seconds_since(start));
    maker_->release();
    record_.data(set_);
    if (broken.empty()) return {};
    if (broken.size() == all.size()) return all_broken(broken);
    std::vector<uint64_t> numbers;
    for (const BrokenExample &each : broken) {
      log::warning(fmt::format("left out: {}", each.error.what));
      record_.notes({{true, "left out: " + each.error.what}});
      numbers.push_back(each.source);
    }
    std::ranges::sort(numbers);
    FLAME_TRY(make_set(numbers));
    record_.data(set_);
    return plan();
  }

  static Error all_broken(const std::vector<BrokenExample> &broken) {
    constexpr size_t kShown = 5;
    std::string lines;
    for (size_t i = 0; i < std::min(broken.size(), kShown); ++i)
      lines += "\n  " + printable(broken[i].error.what);
    if (broken.size() > kShown) lines += fmt::format("\n  and {} more", broken.size() - kShown);
    return storage_error(
        fmt::format("none of the {} examples can be used:{}", broken.size(), lines),
        "get the files again, or name another folder");
  }

  std::filesystem::path cache_folder() const {
    const auto given = section("data").get<std::string>("cache");
    if (!given.empty()) return given;
    const std::filesystem::path usual = default_feature_folder();
    return usual.empty() ? std::filesystem::path("runs") / "features" : usual;
  }

  Status make_trainer() {
    record_.plan(*plan_);
    for (const std::string &name : plan_->unreached)
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
    if (continued_.empty()) return {};
    return trainer_->start_from(continued_);
  }

  // What draws has its memory before the first step too.
  Status make_session() {
    if (!pipeline_.root.find_section("sample")) return {};
    live_ = live_adapter(*trainer_, parts_->parts, section("sample").get<double>("strength", 1.0));
    FLAME_ASSIGN(session_, PictureSession::make(host_, pipeline_, *models_, *device_, &live_));
    return {};
  }

  // Pictures of the adapter as it is now.
  Status sample() {
    if (!session_) return {};
    FLAME_TRY(take_all());
    const ClockPause pause = record_.pause();
    const auto folder = folder_->path() / "samples" / fmt::format("step-{:06}", trainer_->step());
    FLAME_TRY(session_->draw(folder, false));
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
    const Interrupts interrupts;
    FLAME_TRY(record_.begin(*trainer_, parts_->learning_rates));
    FLAME_TRY(validate());
    while (trainer_->step() < steps()) {
      if (interrupts.requested()) return stop();
      const int64_t number = trainer_->step() * accumulate + trainer_->passes();
      FLAME_ASSIGN(const PassInput input, feeder_->input(number));
      FLAME_TRY(trainer_->pass(input, learning_rate_factor(schedule, trainer_->step())));
      FLAME_ASSIGN(const std::vector<StepReport> reports, trainer_->reports(false));
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

  Status stop() {
    FLAME_TRY(save());
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

  // What the run leaves behind: the moving averages, where they were asked for.
  Status finish() {
    FLAME_ASSIGN(final_, trainer_->averages());
    FLAME_TRY(trainer_->set_parameters(final_));
    FLAME_TRY(check_effect());
    FLAME_TRY(sample());
    const Result<std::vector<WrittenExport>> written =
        write_exports(host_, pipeline_, *models_, *parts_, final_, facts());
    if (!written.ok()) return not_written(written.error());
    for (const WrittenExport &each : *written)
      record_.facts().exports.push_back({each.path, each.coverage});
    return {};
  }

  Error not_written(Error error) const {
    error.hint +=
        fmt::format("{}what was learned is in {}: the same command writes the files from it",
                    error.hint.empty() ? "" : "; ", printable(saved_.string()));
    return error;
  }

  Status learn_and_finish() {
    if (trainer_->step() == 0) FLAME_TRY(sample());
    FLAME_TRY(learn());
    return finish();
  }

  ExportFacts facts() const {
    ExportFacts facts = facts_of(pipeline_);
    facts.emplace_back("steps", fmt::format("{}", trainer_->step()));
    facts.emplace_back("images", fmt::format("{}", set_.learned.size()));
    facts.emplace_back("prediction",
                       settings_.objective.prediction == Prediction::kVelocity ? "v" : "epsilon");
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
      for (const TrainingSet::Example &each : set_.held_out) held_out.push_back({each.source, 1});
      FeederSettings feeding;
      feeding.seed = kValidationSeed;
      feeding.text_rows = settings_.text_rows;
      validation_feeder_.emplace(*source_, *features_, *order_, std::move(held_out), set_.buckets,
                                 *levels_, parts_->encoders, feeding);
    }
    const auto passes = validation_passes(set_.held_out, settings_.batch, levels_->count());
    FLAME_ASSIGN(const double loss, validation_loss(*trainer_, *validation_feeder_, passes));
    return record_.validated(step, loss);
  }

  Status check_effect() {
    FLAME_ASSIGN(const PassInput input, feeder_->input(0));
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
  std::unique_ptr<DrawingModels> models_;
  std::unique_ptr<TrainParts> parts_;
  TrainSettings settings_;
  std::optional<NoiseLevels> levels_;
  TextForm form_;
  std::unique_ptr<PluginDataSource> source_;
  TrainingSet set_;
  std::optional<TrainPlan> plan_;  // until there is a trainer
  TensorMap continued_;            // of adapter.continue_from
  std::unique_ptr<FeatureMaker> maker_;
  std::unique_ptr<FeatureCache> cache_;
  std::unique_ptr<Features> features_;
  std::optional<BatchOrder> order_;
  std::optional<Feeder> feeder_, validation_feeder_;
  std::unique_ptr<Trainer> trainer_;
  TensorMap start_;  // the parameters as the adapter begins, without effect
  TensorMap final_;  // what is exported
  LiveAdapter live_;
  std::unique_ptr<PictureSession> session_;  // null: nothing is drawn
  TrainRecord record_;
};

}  // namespace

Status train(const Pipeline &pipeline, const OpenDeviceRequest &request,
             const ResumeRequest &resume) {
  return TrainRun(pipeline, request, resume).run();
}

}  // namespace flame::cli
