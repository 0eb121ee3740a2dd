// What a training depends on beside the settings of its pipeline.
#pragma once

#include "core/cli/drawing_models.h"
#include "core/plugin/plugin_data_source.h"
#include "core/runtime/device.h"
#include "core/train/training_set.h"

namespace flame::cli {

// An object of texts: the hash of each plugin that takes part in a step, fingerprints of the weights,
// one hash over all examples and captions, and the device. Errors: those of reading.
Result<Json> training_facts(const PluginHost &host, const DrawingModels &models,
                            const PluginDataSource &source, const TrainingSet &set,
                            const Device &device);

}  // namespace flame::cli
