// All programs of a training, planned for a device before anything is allocated or loaded.
#pragma once

#include <optional>
#include <unordered_set>

#include "core/passes/adapt.h"
#include "core/passes/placed_program.h"
#include "core/sample/text_form.h"
#include "core/train/objective.h"
#include "core/train/update.h"

namespace flame {

inline constexpr std::string_view kDenoiserRole = "denoiser";

// A model that learns, by adapters or by its own weights: the denoiser, or a text encoder by its role.
struct TrainedPart {
  std::string role;
  AdaptRequest adapt;
  const PluginOptimizer *optimizer = nullptr;  // outlives the plan
};

// Examples of one shape: one program.
struct TrainBucket {
  int64_t height = 0, width = 0;  // of the picture, in pixels
  bool masked = false;

  std::string prefix() const;  // of the inputs' names: "1024x960/"
  bool operator==(const TrainBucket &) const = default;
};

struct TrainSettings {
  int64_t batch = 1;
  uint32_t text_rows = 1;
  bool clips = true;
  bool averages = false;  // a moving average of the parameters is kept
  DType compute = DType::kF32;
  ObjectiveSettings objective = {};
  int64_t accumulate = 1;                     // passes of a step
  std::optional<uint64_t> memory_bytes = {};  // recomputes until it fits
};

struct TrainPlan {
  struct Pass {
    TrainBucket bucket;
    Program program;  // that is placed, fused for the target; nothing is computed twice in it
    PlacedProgram placed;
    double extra_work = 0;  // of what is computed twice, as Recomputed has it
  };
  TextForm text;
  std::vector<Pass> passes;  // in the order of the buckets
  PlacedProgram update;
  std::vector<FlatGroup> layout;  // one a part, by its role
  std::vector<Parameter>
      trained;  // of the groups, by their names there: "denoiser/….lora_up.weight"
  std::vector<StateBuffer> states;
  std::vector<std::vector<std::string>> layers;  // that are adapted, part by part
  // Parameters of adapters at layers that the prediction does not depend on, and own weights of such
  // layers: they are left out.
  std::vector<std::string> unreached;
  // Parameters of the models themselves that were asked to learn, reached or not: they start as the
  // weights are. "denoiser/conv_in.weight"
  std::unordered_set<std::string> own_weights;

  // What the backend takes for itself: libraries and kernels, and the recordings of the programs.
  OwnMemory own;
  uint64_t recorded_bytes = 0;

  // What learns as parameters are handed out, in f32, without their numbers.
  TensorMap learned_types() const;
  // What the programs take together: named tensors once, and the largest arena.
  uint64_t total_bytes() const;
  // With what the backend takes for itself.
  uint64_t whole_bytes() const { return total_bytes() + own.rest + recorded_bytes; }
};

// Errors: what the models, the adapters and the passes say; kOutOfMemory if memory_bytes cannot be
// kept.
Result<TrainPlan> plan_training(const PaintModels &models, const std::vector<TrainedPart> &parts,
                                const std::vector<TrainBucket> &buckets,
                                const TrainSettings &settings, Target &target);

}  // namespace flame
