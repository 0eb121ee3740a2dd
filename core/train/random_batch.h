// A micro-batch of seeded random numbers, for checks on machines without the pictures.
#pragma once

#include "core/train/feeder.h"

namespace flame {

struct RandomBatch {
  uint64_t seed = 0;
  size_t bucket = 0;  // of the plan
  int64_t batch = 1;
  uint32_t text_rows = 1;
};

// Latents and states of text are normal numbers, masks count everywhere, pictures were cut from nothing
// larger, encoders that learn read one fixed caption; noise levels are drawn as in a training. Errors:
// those of the encoders; kBadPlugin for an input that none of this is.
Result<PassInput> random_batch(const TrainPlan &plan, const NoiseLevels &levels,
                               const std::vector<LearningEncoder> &encoders,
                               const RandomBatch &request);

}  // namespace flame
