#include "core/cli/train_settings.h"

#include <fmt/core.h>

namespace flame::cli {
namespace {

SectionValues section(const Pipeline &pipeline, std::string_view key,
                      std::string_view within = {}) {
  const ResolvedSection *found = pipeline.root.find_section(key);
  return SectionValues(found && !within.empty() ? found->find_section(within) : found);
}

uint64_t seed_of(const Pipeline &pipeline) {
  return static_cast<uint64_t>(SectionValues(&pipeline.root).get<int64_t>("seed"));
}

}  // namespace

TrainSettings train_settings(const Pipeline &pipeline, const DiffusionSpec &spec) {
  const SectionValues train = section(pipeline, "train"), backend = section(pipeline, "backend"),
                      noise = section(pipeline, "train", "noise"),
                      loss = section(pipeline, "train", "loss");
  TrainSettings settings;
  settings.batch = train.get<int64_t>("batch", 1);
  settings.accumulate = train.get<int64_t>("accumulate", 1);
  settings.clips = train.get<double>("clip", 1.0) > 0;
  settings.averages = train.get<double>("ema") > 0;
  settings.compute = compute_type(pipeline.root.find_section("backend"));
  settings.objective.prediction =
      spec.prediction == FLAME_PREDICTS_VELOCITY ? Prediction::kVelocity : Prediction::kEpsilon;
  settings.objective.loss =
      loss.get<std::string>("kind") == "huber" ? LossKind::kHuber : LossKind::kSquare;
  settings.objective.huber_delta = loss.get<double>("huber_delta", 0.1);
  settings.objective.noise_offset = noise.get<double>("offset");
  settings.objective.pyramid = noise.get<double>("pyramid");
  if (backend.has("memory"))
    settings.memory_bytes = static_cast<uint64_t>(backend.get<int64_t>("memory"));
  return settings;
}

TrainerSettings trainer_settings(const Pipeline &pipeline, std::vector<double> learning_rates) {
  const SectionValues train = section(pipeline, "train");
  TrainerSettings settings;
  settings.seed = seed_of(pipeline);
  settings.clip = train.get<double>("clip", 1.0);
  settings.average_decay = train.get<double>("ema");
  settings.accumulate = train.get<int64_t>("accumulate", 1);
  settings.learning_rates = std::move(learning_rates);
  return settings;
}

FeederSettings feeder_settings(const Pipeline &pipeline) {
  FeederSettings settings;
  settings.seed = seed_of(pipeline);
  settings.caption_dropout = section(pipeline, "data").get<double>("caption_dropout");
  return settings;
}

Schedule schedule_of(const Pipeline &pipeline) {
  const ResolvedSection &train = *pipeline.root.find_section("train");
  const ResolvedSection *section = train.find_section("schedule");
  Schedule schedule;
  schedule.steps = SectionValues(&train).get<int64_t>("steps", 1);
  if (!section) return schedule;
  const auto number = [&](std::string_view name, double otherwise) {
    const double *given = value_of<double>(section->component_options, name);
    return given ? *given : otherwise;
  };
  const auto whole = [&](std::string_view name, int64_t otherwise) {
    const int64_t *given = value_of<int64_t>(section->component_options, name);
    return given ? *given : otherwise;
  };
  schedule.kind = *schedule_kind(section->component.component->id);
  schedule.warmup_steps = whole("warmup", 0);
  schedule.final_factor = number("final", 0);
  schedule.power = number("power", 1);
  schedule.cycles = whole("cycles", 1);
  return schedule;
}

NoiseLevelSettings noise_level_settings(const Pipeline &pipeline) {
  const SectionValues noise = section(pipeline, "train", "noise"),
                      loss = section(pipeline, "train", "loss");
  NoiseLevelSettings settings;
  settings.zero_terminal = noise.get<bool>("zero_terminal_snr");
  const auto weighting = loss.get<std::string>("weighting");
  settings.weighting = weighting == "min_snr"    ? LossWeighting::kMinSnr
                       : weighting == "debiased" ? LossWeighting::kDebiased
                                                 : LossWeighting::kEven;
  settings.gamma = loss.get<double>("gamma", 5.0);
  settings.distribution = noise.get<std::string>("distribution") == "logit_normal"
                              ? TimeDistribution::kLogitNormal
                              : TimeDistribution::kUniform;
  settings.mean = noise.get<double>("mean");
  settings.deviation = noise.get<double>("deviation", 1.0);
  const std::vector<double> range = noise.numbers("range");
  if (range.empty()) return settings;
  settings.first = range[0];
  settings.last = range[1];
  return settings;
}

}  // namespace flame::cli
