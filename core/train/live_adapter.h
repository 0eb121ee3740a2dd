// The adapter of a training as drawing sees it.
#pragma once

#include "core/sample/paint_programs.h"
#include "core/train/trainer.h"

namespace flame {

// A program of one of the models, once it has its names ("denoiser/…"), with all that the plan trains
// as pieces of the flat buffers, which become inputs.
Result<Program> bound_to_buffers(const TrainPlan &plan, const Program &named);

// Draws with the parameters as they are at that moment; what adapters add counts `strength` times,
// and weights that learn themselves are what they are.
// Trainer and parts outlive it.
LiveAdapter live_adapter(Trainer &trainer, const std::vector<TrainedPart> &parts, double strength);

}  // namespace flame
