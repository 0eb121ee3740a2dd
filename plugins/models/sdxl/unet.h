// The UNet of SDXL as a program: diffusers' UNet2DConditionModel.
#pragma once

#include "plugins/models/sdxl/unet_options.h"
#include "plugins/models/shared/layers.h"

namespace sdxl {

struct UNetSizes {
  int64_t batch = 1;
  int64_t height = 1, width = 1;  // of the latents
  int64_t tokens = 1;             // of the text
};

// `options` are checked.
void build_unet(flame::Program &program, const UNetOptions &options, const UNetSizes &sizes);

// The key of a parameter in single-file checkpoints, less the prefix. Blocks are counted there over
// all levels, so that the number follows from the options.
std::string ldm_key(const UNetOptions &options, const std::string &parameter);

}  // namespace sdxl
