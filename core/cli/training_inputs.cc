#include "core/cli/training_inputs.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "core/base/log.h"
#include "core/base/terminal.h"
#include "core/cli/progress.h"
#include "core/cli/train_settings.h"
#include "core/io/model_config.h"
#include "core/io/weight_fingerprint.h"
#include "core/pipeline/section_values.h"

namespace flame::cli {
namespace {

using Clock = std::chrono::steady_clock;

Error all_broken(const std::vector<BrokenExample> &broken) {
  constexpr size_t kShown = 5;
  std::string lines;
  for (size_t i = 0; i < std::min(broken.size(), kShown); ++i)
    lines += "\n  " + printable(broken[i].error.what);
  if (broken.size() > kShown) lines += fmt::format("\n  and {} more", broken.size() - kShown);
  return storage_error(fmt::format("none of the {} examples can be used:{}", broken.size(), lines),
                       "get the files again, or name another folder");
}

}  // namespace

Result<std::unique_ptr<TrainingModels>> open_training_models(PluginHost &host,
                                                             const Pipeline &pipeline) {
  auto made = std::make_unique<TrainingModels>();
  FLAME_ASSIGN(made->models,
               open_drawing_models(host, pipeline, *pipeline.root.find_section("model"), nullptr));
  const PaintModels &paint = made->models->paint;
  FLAME_ASSIGN(made->parts, open_train_parts(host, pipeline, paint));
  made->settings = train_settings(pipeline, paint.spec);
  const NoiseLevelSettings noise = noise_level_settings(pipeline);
  FLAME_ASSIGN(
      made->levels,
      NoiseLevels::make(paint.spec.noise_levels,
                        made->settings.objective.prediction == Prediction::kVelocity, noise));
  FLAME_ASSIGN(made->form, text_form(paint));
  return made;
}

Result<std::vector<DataNote>> TrainingData::open() {
  const ResolvedSection &data = *pipeline_.root.find_section("data");
  FLAME_ASSIGN(const AttributeList options,
               model_options(*data.component.component, data.component_options));
  FLAME_ASSIGN(const StartedComponent started, host_.start(data.component));
  FLAME_ASSIGN(PluginDataSource source,
               PluginDataSource::create(started.table<flame_data_source_interface>(),
                                        started.plugin->id(), started.component->id, options));
  source_ = std::make_unique<PluginDataSource>(std::move(source));
  FLAME_ASSIGN(std::vector<DataNote> notes, source_->notes());
  for (const DataNote &note : notes) {
    if (note.warning) log::warning(printable(note.text));
    if (!note.warning) fmt::print("{}\n", note.text);
  }
  FLAME_TRY(make_set({}));
  return notes;
}

Status TrainingData::make_set(std::span<const uint64_t> broken) {
  const SectionValues data(pipeline_.root.find_section("data"));
  FLAME_ASSIGN(set_, training_set(*source_, broken, data.get<double>("validation"),
                                  models_.models->paint.spec.latent_size));
  return {};
}

Result<FeatureSettings> TrainingData::feature_settings() const {
  const PaintModels &paint = models_.models->paint;
  FeatureSettings settings;
  settings.text_rows = models_.settings.text_rows;
  settings.unit = paint.spec.latent_size;
  for (size_t i = 0; i < paint.parts.size(); ++i) {
    FLAME_ASSIGN(const std::string print, weight_fingerprint(*paint.parts[i].weights));
    const bool text = paint.spec.parts[i].kind == DiffusionPart::Kind::kTextEncoder;
    std::string &key = text ? settings.text_key : settings.picture_key;
    key += fmt::format("{} {} ", print, name_of(models_.settings.compute));
  }
  return settings;
}

Status TrainingData::open_features() {
  FLAME_ASSIGN(const FeatureSettings settings, feature_settings());
  maker_ = std::make_unique<FeatureMaker>(models_.models->paint, models_.form,
                                          models_.parts->cached_roles, models_.settings.compute,
                                          device_);
  FLAME_ASSIGN(FeatureCache cache, FeatureCache::open(cache_folder()));
  cache_ = std::make_unique<FeatureCache>(std::move(cache));
  features_ = std::make_unique<Features>(*source_, *maker_, *cache_, settings);
  return {};
}

Result<std::vector<DataNote>> TrainingData::prepare() {
  FLAME_TRY(open_features());
  std::vector<TrainingSet::Example> all = set_.learned;
  all.insert(all.end(), set_.held_out.begin(), set_.held_out.end());
  const Clock::time_point start = Clock::now();
  ProgressLine line("making latents and states of text");
  FLAME_ASSIGN(const std::vector<BrokenExample> broken,
               features_->prepare(all, [&](uint64_t done, uint64_t total) -> Status {
                 line.show(done, total);
                 return {};
               }));
  seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  fmt::print(
      "{} examples in {} sizes, latents and texts ready after {:.1f} s: {} made, the rest in "
      "{}\n",
      all.size(), set_.buckets.size(), seconds_, cache_->stored(),
      printable(cache_->folder().string()));
  release();
  if (!all.empty() && broken.size() == all.size()) return all_broken(broken);
  std::vector<DataNote> notes;
  std::vector<uint64_t> numbers;
  for (const BrokenExample &each : broken) {
    log::warning(fmt::format("left out: {}", each.error.what));
    notes.push_back({true, "left out: " + each.error.what});
    numbers.push_back(each.source);
  }
  std::ranges::sort(numbers);
  if (!broken.empty()) FLAME_TRY(make_set(numbers));
  return notes;
}

std::filesystem::path TrainingData::cache_folder() const {
  const SectionValues data(pipeline_.root.find_section("data"));
  const auto given = data.get<std::string>("cache");
  if (!given.empty()) return given;
  const std::filesystem::path usual = default_feature_folder();
  return usual.empty() ? std::filesystem::path("runs") / "features" : usual;
}

Status TrainingData::order() {
  FLAME_ASSIGN(order_,
               BatchOrder::make(set_.ordered(), static_cast<uint32_t>(models_.settings.batch),
                                SectionValues(&pipeline_.root).get<int64_t>("seed")));
  FeederSettings feeding = feeder_settings(pipeline_);
  feeding.text_rows = models_.settings.text_rows;
  feeder_.emplace(feeder_of(set_.fed(), feeding));
  return {};
}

Feeder TrainingData::feeder_of(std::vector<FedExample> examples,
                               const FeederSettings &settings) const {
  return Feeder(*source_, *features_, *order_, std::move(examples), set_.buckets, *models_.levels,
                models_.parts->encoders, settings);
}

}  // namespace flame::cli
