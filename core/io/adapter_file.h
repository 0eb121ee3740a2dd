// Low-rank adapters of files (LoRA): for drawing with them, and for comparing models that have one.
#pragma once

#include <span>

#include "core/io/safetensors.h"
#include "core/io/weight_loader.h"
#include "core/io/weight_match.h"

namespace flame {

// A module of the file: the weight W of a layer becomes W + scale · up · down.
struct LowRankPair {
  std::string stem;  // "lora_unet_down_blocks_1_…", "unet.down_blocks.1.…"
  std::string down_key, up_key;
  HostTensor down;   // [rank, in] or [rank, in, height, width]
  HostTensor up;     // [out, rank], or with two sizes of 1 behind
  double scale = 1;  // alpha / rank
};

// Names of kohya (lora_down, lora_up, alpha) and of PEFT (lora_A, lora_B; alpha in the metadata).
// Errors: kStorage; kBadConfig that lists tensors of other kinds, and pairs that do not fit together.
Result<std::vector<LowRankPair>> read_adapter(const std::filesystem::path &path);

// A pair at the parameter that it changes.
struct PlacedPair {
  const LowRankPair *pair = nullptr;
  std::string parameter;
};

// By the layer's name in programs or in any layout of the model, with dots or underscores, behind the
// beginnings that such files use. Errors (kBadConfig) list every pair without a layer, with a
// layer of another size, or beside another pair.
Result<std::vector<PlacedPair>> place_adapter(const std::vector<LowRankPair> &pairs,
                                              const PluginModel &model,
                                              const std::vector<PlacedWeight> &weights);

// A model among several that one file may change, and what stands before the names of its layers,
// with underscores for dots.
struct AdapterTarget {
  const PluginModel *model = nullptr;
  const std::vector<PlacedWeight> *weights = nullptr;
  std::vector<std::string> beginnings;
};
// The same for several models: the pairs of each, in their order.
Result<std::vector<std::vector<PlacedPair>>> place_adapter(const std::vector<LowRankPair> &pairs,
                                                           std::span<const AdapterTarget> targets);

// strength · scale · up · down as it is added to a weight, channels last. Errors (kBadConfig):
// numbers that are not finite.
Result<WeightChange> change_of(const LowRankPair &pair, double strength);

// The program with the pairs as trainable parameters "adapter/KEY"; of rank 4, they are channels last.
Result<Program> with_adapter(const Program &program, const std::vector<PlacedPair> &pairs);

}  // namespace flame
