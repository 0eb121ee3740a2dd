// The adapter of a training as drawing sees it.
#pragma once

#include "core/sample/paint_programs.h"
#include "core/train/trainer.h"

namespace flame {

// Draws with the parameters as they are at that moment; what adapters add counts `strength` times.
// Trainer and parts outlive it.
LiveAdapter live_adapter(Trainer &trainer, const std::vector<TrainedPart> &parts, double strength);

}  // namespace flame
