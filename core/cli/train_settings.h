// The sections of a pipeline as the settings of a training.
#pragma once

#include "core/pipeline/section_values.h"
#include "core/train/feeder.h"
#include "core/train/schedule.h"

namespace flame::cli {

TrainSettings train_settings(const Pipeline &pipeline, const DiffusionSpec &spec);
TrainerSettings trainer_settings(const Pipeline &pipeline, std::vector<double> learning_rates);
FeederSettings feeder_settings(const Pipeline &pipeline);
Schedule schedule_of(const Pipeline &pipeline);
NoiseLevelSettings noise_level_settings(const Pipeline &pipeline);

}  // namespace flame::cli
