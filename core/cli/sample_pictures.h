// The section `sample` of a pipeline alone: pictures from prompts, as files.
#pragma once

#include "core/pipeline/pipeline.h"
#include "core/plugin/backends.h"

namespace flame::cli {

// Opens the device, the models and the sampler, draws every prompt, and writes runs/NAME/pictures:
// one file for each, and all of them in grid.png if there are several. Prints a line for each.
Status sample_pictures(const Pipeline &pipeline, const OpenDeviceRequest &request);

}  // namespace flame::cli
