// From what a denoiser predicts to the clean latent: prediction kinds and classifier-free guidance,
// as ops of a program.
#pragma once

#include "core/ops/catalogue/terms.h"

namespace flame {

// What a denoiser answers for a sample x = clean + σ · noise that it sees as x / √(σ² + 1).
enum class Prediction {
  kEpsilon,   // the noise
  kVelocity,  // (noise - σ · clean) / √(σ² + 1)
};

// The sample as the denoiser sees it: of variance 1.
Term seen_sample(const Term &sample, const Term &sigma);

// The clean latent that a prediction stands for. `sigma` is a scalar of the sample's type.
Term denoised(Prediction kind, const Term &sample, const Term &sigma, const Term &prediction);

// The prediction without the prompt, led towards the one with it: scale 1 is the latter. `scale` is a
// scalar of their type. `rescale` of the result (0 to 1) gets the deviation that the prediction with
// the prompt has in each picture, so that a large scale does not burn out its colours.
Term guided(const Term &without, const Term &with, const Term &scale, double rescale);

}  // namespace flame
