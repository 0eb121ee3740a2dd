// `flamehost run` of a pipeline that trains.
#pragma once

#include "core/cli/run_checkpoints.h"
#include "core/plugin/backends.h"

namespace flame::cli {

// Opens all that the pipeline names, makes what is missing of latents and texts, proves that every
// trained parameter gets a gradient, goes on from a checkpoint if there is one, trains, proves that
// something was learned, and writes its files. Error kInterrupted: a signal asked it to stop, and it has
// saved.
Status train(const Pipeline &pipeline, const OpenDeviceRequest &request,
             const ResumeRequest &resume);

}  // namespace flame::cli
