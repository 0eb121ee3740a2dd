// `adapter.continue_from`: the numbers of a LoRA file as where an adapter starts.
#pragma once

#include <filesystem>

#include "core/cli/train_parts.h"

namespace flame::cli {

// The trained parameters that the file has, by their names ("denoiser/….lora_up.weight"); its scale goes
// into `up`. `parameters` are those that learn. Errors (kBadConfig) list what of the file has no
// place: layers of another model, or that do not learn, or of another rank.
Result<TensorMap> read_start(const std::filesystem::path &file, const DrawingModels &models,
                             const TrainParts &parts, const TensorMap &parameters);

}  // namespace flame::cli
