// What a pipeline trains: the denoiser, and the encoders of adapter.parts, with their adapters or their
// own weights, and their optimizer.
#pragma once

#include <map>
#include <memory>

#include "core/cli/drawing_models.h"
#include "core/train/feeder.h"

namespace flame::cli {

// Stays where it is: `parts` points to the optimizer.
struct TrainParts {
  std::unique_ptr<PluginOptimizer> optimizer;
  std::vector<TrainedPart> parts;
  bool own_weights = false;            // adapter.use is full: the weights themselves learn
  std::vector<double> learning_rates;  // part by part
  // Of adapters with an option `alpha`: by layer, part by part; the rank of those that are missing.
  std::vector<std::map<std::string, double>> alphas;
  std::vector<LearningEncoder> encoders;  // those that learn
  std::vector<std::string> cached_roles;  // of encoders that do not
};

// Of the sections `adapter` and `train`. Errors: a role that the model has not, layers that it has
// not; settings that weights which learn themselves cannot have; those of the plugins. The host and the models outlive it.
Result<std::unique_ptr<TrainParts>> open_train_parts(PluginHost &host, const Pipeline &pipeline,
                                                     const PaintModels &models);

}  // namespace flame::cli
