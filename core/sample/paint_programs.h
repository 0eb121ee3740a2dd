// All that drawing runs on a device: the programs of a denoiser and its parts, planned together, with
// their weights.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/plugin/plugin_sampler.h"
#include "core/sample/text_states.h"
#include "core/sample/weight_jobs.h"

namespace flame {

struct PaintModels {
  PaintModel denoiser;
  DiffusionSpec spec;             // of the denoiser
  std::vector<PaintModel> parts;  // in the order of spec.parts
};

struct PaintSettings {
  int64_t width = 0, height = 0;  // of pictures, in pixels
  uint32_t steps = 20;
  double guidance = 1;     // 1: prompts count as they are, and negative ones do not
  double rescale = 0;      // of guided()
  uint32_t text_rows = 1;  // rows of tokens that a prompt may have
  DType compute = DType::kF32;
  std::optional<uint64_t> memory_bytes = {};  // at most so much of the device, or nothing is taken
  // Rows of pixels that the autoencoder works on at one time; nothing: all, or as few as the memory
  // asks for.
  std::optional<int64_t> tile_rows = {};

  bool guided() const { return guidance != 1; }
};

// What drawing in the middle of a training has of it. All of it outlives what is made with it.
struct LiveAdapter {
  // Holds what learns, and the weights that were read already: drawing uses the same by name.
  TensorStore *store = nullptr;
  // The program of a model ("denoiser", or a part's role) with the adapter in it.
  std::function<Result<Program>(const std::string &role, const Program &program)> adapt;
  // Once it has its names ("denoiser/…"): parameters that learn as they lie in the store.
  std::function<Result<Program>(const Program &named)> bind;
  std::function<bool(const std::string &parameter)> is_loaded;
};

// Owns memory of the device, which outlives it. The models outlive it too, as prompts are read by
// them; their weights' files do not have to. One thread at a time.
class PaintPrograms {
 public:
  // Errors: sizes that the model cannot have, parts that do not fit together, what the plans and the
  // files of weights say.
  static Result<std::unique_ptr<PaintPrograms>> make(const PaintModels &models,
                                                     const PluginSampler &sampler,
                                                     const PaintSettings &settings, Device &device,
                                                     const LoadProgress &progress,
                                                     const LiveAdapter *live = nullptr);

  // Names of inputs begin with the role and a slash: "text_encoder/input_ids", "vae/latent".
  std::vector<TextEncoder> encoders;
  std::unique_ptr<Executable> conditions;  // "conditions/…"
  std::unique_ptr<Executable> step;        // "denoiser/…"
  std::optional<ImageProgram> decoder;     // "ROLE/latent" to "sample"
  std::string decoder_role;
  NoisePoints points;
  DeviceStream stream;
  const PaintSettings settings;

  // Weights, and the memory that the programs take turns in.
  uint64_t allocated_bytes() const { return store().allocated_bytes(); }

 private:
  class Planner;
  PaintPrograms(const PaintSettings &given, Device &device, TensorStore *shared)
      : settings(given), own_(device), shared_(shared) {}
  const TensorStore &store() const { return shared_ ? *shared_ : own_; }
  TensorStore &store() { return shared_ ? *shared_ : own_; }

  TensorStore own_;
  TensorStore *shared_;
};

}  // namespace flame
