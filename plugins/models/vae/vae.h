// Encoder and decoder as programs: diffusers' AutoencoderKL.
#pragma once

#include "plugins/models/shared/layers.h"
#include "plugins/models/vae/vae_options.h"

namespace vae {

struct ImageSizes {
  int64_t batch = 1;
  int64_t height = 1, width = 1;
};

// "sample", a picture from -1 to 1, to "moments": mean and log-variance of the latent, one behind
// the other along the channels.
void build_encoder(flame::Program &program, const VaeOptions &options, const ImageSizes &picture);
// "latent", not scaled, to "sample".
void build_decoder(flame::Program &program, const VaeOptions &options, const ImageSizes &latent);

// The same with latents as a denoiser has them, centered and scaled to deviation 1: "sample" and
// "noise" to "latent", and "latent" to "sample".
void build_encode(flame::Program &program, const VaeOptions &options, const ImageSizes &picture);
void build_decode(flame::Program &program, const VaeOptions &options, const ImageSizes &latent);

// The key of a parameter in single-file checkpoints, less the prefix.
std::string ldm_key(const VaeOptions &options, const std::string &parameter);
// The key in diffusers' files from before its attention had to_q.
std::string old_diffusers_key(const std::string &parameter);

}  // namespace vae
