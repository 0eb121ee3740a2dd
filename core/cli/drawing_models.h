// The models that a pipeline draws with: the denoiser of its section `model` and the parts that it
// names, with their weights.
#pragma once

#include <memory>

#include "core/io/adapter_file.h"
#include "core/pipeline/pipeline.h"
#include "core/plugin/plugin_host.h"
#include "core/sample/paint_programs.h"

namespace flame::cli {

// Stays where it is: `paint` points into the rest.
struct DrawingModels {
  std::vector<WeightSet> sets;
  std::vector<std::unique_ptr<PluginModel>> models;  // the denoiser, then its parts
  std::vector<WeightMatch> matches;                  // of the models
  std::vector<WeightChanges> changes;                // of the models, by LoRAs of files
  PaintModels paint;

  DrawingModels() = default;
  DrawingModels(const DrawingModels &) = delete;
  DrawingModels &operator=(const DrawingModels &) = delete;
};

// Without weights, the models are made of their configurations alone: enough for plans. No file of
// weights has to be there then, and LoRAs are passed over.
enum class ModelWeights {
  kFound,
  kNone
};

// Of the section `model`, with the LoRAs of the section `sample`, if there is one. Errors: kBadConfig that lists what
// the weights lack, model by model, or what of a LoRA has no layer; kStorage; those of plugins. The
// host outlives what is made.
Result<std::unique_ptr<DrawingModels>> open_drawing_models(
    PluginHost &host, const Pipeline &pipeline, const ResolvedSection &model,
    const ResolvedSection *sample, ModelWeights weights = ModelWeights::kFound);

// The models that a LoRA file may change, the denoiser first, with what names of kohya, PEFT and
// diffusers have in front of a layer's name. They point into `models`.
std::vector<AdapterTarget> adapter_targets(const DrawingModels &models);

}  // namespace flame::cli
