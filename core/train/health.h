// Whether a training can learn at all, and whether what it learned does something.
#pragma once

#include "core/train/trainer.h"

namespace flame {

// Shows the batch to the model with drawn numbers in every parameter of adapters, puts the old ones back,
// and gives the names of those whose gradient is zero or not finite. (With the parameters as they
// start, a low-rank product has none at its first matrix.) Between steps alone.
Result<std::vector<std::string>> parameters_without_gradient(Trainer &trainer,
                                                             const PassInput &batch);

// How far the prediction for the batch is from the one with `start`, the parameters before training,
// relative to its norm. Parameters stay as they are.
Result<double> effect(Trainer &trainer, const PassInput &batch, const TensorMap &start);

// An adapter below this changes nothing that anybody could see.
inline constexpr double kLeastEffect = 1e-5;

}  // namespace flame
