// From the number of a micro-batch to what its pass is given: which examples, their latents and texts,
// how much noise. All that is random follows from the number and the seed.
#pragma once

#include <functional>

#include "core/train/batch_order.h"
#include "core/train/noise_levels.h"
#include "core/train/train_plan.h"
#include "core/train/trainer.h"

namespace flame {

// Where latents and states of text come from. Errors are handed on.
class FeatureSource {
 public:
  virtual ~FeatureSource() = default;
  // f32 [h, w, c] of one variant of an example's picture.
  virtual Result<HostTensor> latent(uint64_t example, uint64_t picture) = 0;
  // f32 [h, w, 1]; empty if the example has no mask.
  virtual Result<HostTensor> mask(uint64_t example, uint64_t picture) = 0;
  // Of a caption, "ROLE.OUTPUT", for the encoders that do not learn.
  virtual Result<TensorMap> states(const std::string &caption) = 0;
};

// An example that is trained with.
struct FedExample {
  uint64_t source = 0;  // its number in the data source
  double loss_weight = 1;
};

struct FeederSettings {
  uint64_t seed = 0;
  double caption_dropout = 0;  // the part of captions that are empty instead
  uint32_t text_rows = 1;
};

// An encoder that learns is given tokens.
struct LearningEncoder {
  std::string role;
  const PluginModel *model = nullptr;
};

// What a pass is told of its noise: how much each example gets, how much its loss counts, and what the noise
// is drawn from.
void add_noise(PassInput &input, const NoiseLevels &levels, const std::vector<int64_t> &times,
               const std::vector<double> &loss_weights, uint64_t seed, int64_t counter);

// Borrows all that it is given. One thread at a time.
class Feeder {
 public:
  Feeder(const PluginDataSource &source, FeatureSource &features, const BatchOrder &order,
         std::vector<FedExample> examples, std::vector<TrainBucket> buckets,
         const NoiseLevels &levels, std::vector<LearningEncoder> encoders,
         const FeederSettings &settings)
      : source_(source),
        features_(features),
        order_(order),
        examples_(std::move(examples)),
        buckets_(std::move(buckets)),
        levels_(levels),
        encoders_(std::move(encoders)),
        settings_(settings) {}

  // The examples are those of the order, by their place in `examples`.
  Result<PassInput> input(int64_t number) const;
  // The same with these examples, noise levels and counter instead: for measuring.
  struct Fixed {
    size_t bucket = 0;
    std::vector<BatchItem> items;
    std::vector<int64_t> times;
    int64_t counter = 0;
  };
  Result<PassInput> input(const Fixed &fixed) const;

 private:
  Status add_text(PassInput &input, const std::string &caption) const;
  Status add_example(PassInput &input, const BatchItem &item, bool drops_caption) const;
  std::vector<double> loss_weights(const std::vector<BatchItem> &items) const;

  const PluginDataSource &source_;
  FeatureSource &features_;
  const BatchOrder &order_;
  std::vector<FedExample> examples_;
  std::vector<TrainBucket> buckets_;
  const NoiseLevels &levels_;
  std::vector<LearningEncoder> encoders_;
  FeederSettings settings_;
};

}  // namespace flame
