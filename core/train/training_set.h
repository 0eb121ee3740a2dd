// The examples of a data source as a training sees them: their buckets, and which are held out.
#pragma once

#include <span>

#include "core/train/batch_order.h"
#include "core/train/feeder.h"

namespace flame {

struct TrainingSet {
  // A place of an example in a bucket.
  struct Example {
    uint64_t source = 0;  // its number in the data source
    size_t bucket = 0;
    ExampleInfo info;
  };
  std::vector<TrainBucket> buckets;  // from the largest picture to the smallest
  std::vector<Example> learned;
  std::vector<Example> held_out;

  // For BatchOrder and Feeder, in the order of `learned`.
  std::vector<OrderedExample> ordered() const;
  std::vector<FedExample> fed() const;
};

// `broken` are numbers of examples that cannot be read, rising. `held_out` as choose_held_out has it.
// Errors: kBadConfig if there is nothing to learn from, or a picture whose sides are no multiples of
// `unit`; those of the source.
Result<TrainingSet> training_set(const PluginDataSource &source, std::span<const uint64_t> broken,
                                 double held_out, int64_t unit);

}  // namespace flame
