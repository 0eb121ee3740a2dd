// The program of one sampling step: denoiser, guidance and sampler in one, that finds its place in
// the run by itself, so that a run is the same program again and again.
#pragma once

#include "core/passes/place.h"
#include "core/plugin/plugin_sampler.h"
#include "core/sample/guidance.h"

namespace flame {

// Inputs beside the denoiser's own conditions. Those marked * are replaced by each step.
inline constexpr std::string_view kLatentName = "sample.latent";  // * f32, as the denoiser's sample
inline constexpr std::string_view kIndexName = "sample.index";    // * i64: the step, from 0 on
inline constexpr std::string_view kSigmasName = "sample.sigmas";  // f32 [steps + 1]
inline constexpr std::string_view kTimesName = "sample.times";    // f32 [steps]
inline constexpr std::string_view kGuidanceName = "sample.guidance";  // f32, if guided
inline constexpr std::string_view kSeedName = "sample.seed";  // i64, if the sampler uses noise
std::string memory_name(size_t index);                        // * as the latent

struct StepRequest {
  uint32_t steps = 1;
  Prediction prediction = Prediction::kEpsilon;
  // The denoiser has a batch of two: without and with the prompt. Else of one, with it.
  bool guided = false;
  double rescale = 0;  // of guided()
};

struct StepProgram {
  Program program;
  PlaceRequest placement;  // what steps hand on stays where it is
};

// `denoiser` has the inputs "sample" [n, h, w, c] and "timestep" [n], n being 2 if guided, else 1,
// and the first of its outputs is the prediction. All its other inputs are inputs of the step.
// Errors: a denoiser of another form, names of its own that begin with "sample.", what the sampler
// says.
Result<StepProgram> build_step(const Program &denoiser, const PluginSampler &sampler,
                               const StepRequest &request);

}  // namespace flame
