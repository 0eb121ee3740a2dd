// What a micro-batch learns from: noise is mixed into clean latents, the model predicts, and the loss
// says how wrong it was.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/program/program.h"
#include "core/sample/guidance.h"

namespace flame {

// How far a prediction is from its target, element by element.
enum class LossKind {
  kSquare,
  kHuber  // 2δ · (√(d² + δ²) - δ): a square near 0, a line far away
};

struct ObjectiveSettings {
  Prediction prediction = Prediction::kEpsilon;
  LossKind loss = LossKind::kSquare;
  double huber_delta = 0.1;
  // Noise that is the same at every place of a channel, so that whole pictures get lighter or darker.
  double noise_offset = 0;
  // Noise of halved sizes on top, each size this much of the one before; 0: none.
  double pyramid = 0;
};

// The inputs of one micro-batch of n examples, behind the bucket's prefix. f32 but for the last two.
inline constexpr std::string_view kLatentInput = "latent";    // [n, h, w, c]: clean
inline constexpr std::string_view kMaskInput = "mask";        // [n, h, w, 1]: where the loss counts
inline constexpr std::string_view kSignalInput = "signal";    // [n]: NoiseMix
inline constexpr std::string_view kNoiseInput = "noise";      // [n]
inline constexpr std::string_view kTimeInput = "time";        // [n]
inline constexpr std::string_view kWeightInput = "weight";    // [n]: of each example's loss
inline constexpr std::string_view kSeedInput = "seed";        // i64: of the run
inline constexpr std::string_view kCounterInput = "counter";  // i64: the micro-batch's number
// f32: 1, or 0 where nothing is learned from it; only where adapters draw.
inline constexpr std::string_view kLearningInput = "learning";
// Outputs, f32.
inline constexpr std::string_view kLossOutput = "loss";              // mean of weight · losses
inline constexpr std::string_view kLossesOutput = "losses";          // [n], without weights
inline constexpr std::string_view kPredictionOutput = "prediction";  // [n, h, w, c]

struct ObjectiveParts {
  Program denoiser;    // of flame/diffusion.h, adapted or not
  Program conditions;  // for the same batch
  // Encoders that learn too, by role; what the others say is an input: "text_encoder.pooled".
  std::vector<std::pair<std::string, Program>> encoders;
};

struct ObjectiveRequest {
  ObjectiveSettings settings;
  bool masked = false;
  std::string prefix;  // of inputs: "128x96/"; those of encoders are "128x96/ROLE.input_ids"
};

// Parameters get "denoiser/" and "ROLE/" in front. Errors: parts that do not fit together (kBadPlugin).
Result<Program> build_objective(const ObjectiveParts &parts, const ObjectiveRequest &request);

}  // namespace flame
