// Latents and text states of a data source, made once and kept.
#pragma once

#include <functional>
#include <span>

#include "core/train/feature_cache.h"
#include "core/train/feature_maker.h"
#include "core/train/feeder.h"
#include "core/train/training_set.h"

namespace flame {

struct FeatureSettings {
  // What features depend on beside the example: fingerprints of weights, and the compute type.
  std::string picture_key, text_key;
  uint32_t text_rows = 1;
  int64_t unit = 8;  // pixels of one element of a latent
};

// An example whose picture cannot be read, and why.
struct BrokenExample {
  uint64_t source = 0;
  Error error;
};

// Borrows all but the settings. One thread at a time.
class Features final : public FeatureSource {
 public:
  Features(const PluginDataSource &source, FeatureMaker &maker, FeatureCache &cache,
           FeatureSettings settings)
      : source_(source), maker_(maker), cache_(cache), settings_(std::move(settings)) {}

  // Makes what is not kept yet of every variant of these examples: latents, masks, and the states of
  // captions, of which there are finitely many. Pictures that cannot be read are given back.
  using Progress = std::function<Status(uint64_t done, uint64_t total)>;
  Result<std::vector<BrokenExample>> prepare(std::span<const TrainingSet::Example> examples,
                                             const Progress &progress);

  Result<HostTensor> latent(uint64_t example, uint64_t picture) override;
  Result<HostTensor> mask(uint64_t example, uint64_t picture) override;
  Result<TensorMap> states(const std::string &caption) override;

 private:
  Result<TensorMap> picture(uint64_t example, uint64_t picture);
  struct ReadPicture {
    HostTensor image;
    std::optional<HostTensor> mask;
  };
  Result<ReadPicture> read_picture(uint64_t example, uint64_t picture) const;
  Result<TensorMap> made_picture(const ReadPicture &read, uint64_t picture,
                                 const std::string &identity);
  Result<std::optional<Error>> prepare_picture(uint64_t example, uint64_t picture);
  FeatureKey picture_key(const std::string &identity, uint64_t picture) const;
  FeatureKey text_key(const std::string &caption) const;

  const PluginDataSource &source_;
  FeatureMaker &maker_;
  FeatureCache &cache_;
  FeatureSettings settings_;
};

}  // namespace flame
