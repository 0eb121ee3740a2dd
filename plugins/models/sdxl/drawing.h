// How pictures are drawn with the UNet: the noise that it was trained with, and what it is given
// beside the latent.
#pragma once

#include "plugins/models/sdxl/unet_options.h"

namespace sdxl {

// The options of the component: the UNet's, and those of diffusers' scheduler_config.json that tell
// how it was trained.
struct Options : UNetOptions {
  enum class Betas {
    kScaledLinear,
    kLinear
  };
  enum class Prediction {
    kEpsilon,
    kVelocity
  };
  int64_t num_train_timesteps = 1000;
  double beta_start = 0.00085, beta_end = 0.012;
  Betas beta_schedule = Betas::kScaledLinear;
  bool rescale_betas_zero_snr = false;
  Prediction prediction_type = Prediction::kEpsilon;

  void describe(flame::OptionTable &table);
};

flame::Diffusion diffusion(const Options &options);

// The text states of both encoders side by side, the pooled ones of the first row, and the sizes.
void build_conditions(flame::Program &program, const UNetOptions &options, flame::Attributes sizes);

}  // namespace sdxl
