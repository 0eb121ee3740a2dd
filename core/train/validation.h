// The loss on examples that are held out, always at the same noise levels with the same noise, so that
// steps and runs can be compared.
#pragma once

#include <span>

#include "core/train/training_set.h"

namespace flame {

// The parts of the model's times that every held-out example is measured at.
inline constexpr double kValidationTimes[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
// Of the noise, whatever the run's seed.
inline constexpr uint64_t kValidationSeed = 0x76616c6964;

// One pass; what fills up a batch behind `rows` is not counted.
struct ValidationPass {
  Feeder::Fixed input;
  size_t rows = 0;
};

// For a feeder of the held-out examples in their order; `time_count` as NoiseLevels has it. The noise
// of a pass follows from its place in the list: it is the same in all runs of the same held-out
// examples and batch.
std::vector<ValidationPass> validation_passes(std::span<const TrainingSet::Example> held_out,
                                              int64_t batch, int64_t time_count);

// The mean of the losses without weights, each example and time counting alike. Between two steps
// alone, as Trainer::evaluate. Errors: those of reading and of the device; NaN is an answer.
Result<double> validation_loss(Trainer &trainer, const Feeder &feeder,
                               std::span<const ValidationPass> passes);

}  // namespace flame
