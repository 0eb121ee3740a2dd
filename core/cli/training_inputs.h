// What a pipeline's training is made of before anything is planned: the models, what learns, how it
// learns, and its examples with their latents and texts.
#pragma once

#include <functional>

#include "core/cli/drawing_models.h"
#include "core/cli/train_parts.h"
#include "core/train/features.h"

namespace flame::cli {

// Stays where it is: members point to each other.
struct TrainingModels {
  std::unique_ptr<DrawingModels> models;
  std::unique_ptr<TrainParts> parts;
  TrainSettings settings;
  std::optional<NoiseLevels> levels;
  TextForm form;

  TrainingModels() = default;
  TrainingModels(const TrainingModels &) = delete;
  TrainingModels &operator=(const TrainingModels &) = delete;
};

// Of the sections `model`, `adapter` and `train`. Errors: those of the models, their weights and the
// plugins. The host and the pipeline outlive it.
Result<std::unique_ptr<TrainingModels>> open_training_models(PluginHost &host,
                                                             const Pipeline &pipeline);

// The examples of the section `data`. All that it is given outlives it; one thread at a time. Stays
// where it is.
class TrainingData {
 public:
  TrainingData(PluginHost &host, const Pipeline &pipeline, const TrainingModels &models,
               Device &device)
      : host_(host), pipeline_(pipeline), models_(models), device_(device) {}
  TrainingData(const TrainingData &) = delete;
  TrainingData &operator=(const TrainingData &) = delete;

  // Finds the examples and their buckets; prints the notes of the source, and gives them back.
  Result<std::vector<DataNote>> open();
  // Makes the latents and texts that are not kept yet, and gives the device's memory back. Examples
  // that cannot be read are left out of set(), logged and given back.
  Result<std::vector<DataNote>> prepare();
  // Puts the examples in their order, for feeder().
  Status order();

  const PluginDataSource &source() const { return *source_; }
  const TrainingSet &set() const { return set_; }
  double seconds() const { return seconds_; }  // that prepare() took
  const Feeder &feeder() const { return *feeder_; }
  // Feeds held-out examples instead; borrows from this.
  Feeder feeder_of(std::vector<FedExample> examples, const FeederSettings &settings) const;

 private:
  Status make_set(std::span<const uint64_t> broken);
  Result<FeatureSettings> feature_settings() const;
  std::filesystem::path cache_folder() const;

  PluginHost &host_;
  const Pipeline &pipeline_;
  const TrainingModels &models_;
  Device &device_;
  std::unique_ptr<PluginDataSource> source_;
  TrainingSet set_;
  std::unique_ptr<FeatureMaker> maker_;
  std::unique_ptr<FeatureCache> cache_;
  std::unique_ptr<Features> features_;
  std::optional<BatchOrder> order_;
  std::optional<Feeder> feeder_;
  double seconds_ = 0;
};

}  // namespace flame::cli
