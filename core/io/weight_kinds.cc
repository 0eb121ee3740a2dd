#include "core/io/weight_kinds.h"

#include <algorithm>

namespace flame {
namespace {

// A tensor whose name holds `part` and whose axis has that size says what the set is.
struct Marker {
  std::string_view part;  // of the name
  int axis;               // -1: the name alone says it
  int64_t size;
  std::string_view says;
};

constexpr Marker kMarkers[] = {
    {".lora_down.weight", -1, 0, "an adapter (LoRA), not a model"},
    {".lora_A.", -1, 0, "an adapter (LoRA), not a model"},
    {"lora_unet_", -1, 0, "an adapter (LoRA), not a model"},
    {"control_model.", -1, 0, "a ControlNet"},
    {"controlnet_cond_embedding", -1, 0, "a ControlNet"},
    {"joint_blocks.0.", -1, 0, "the transformer of Stable Diffusion 3"},
    {"double_blocks.0.", -1, 0, "the transformer of Flux"},
    {"single_transformer_blocks.0.", -1, 0, "the transformer of Flux"},
    {"attn2.to_k.weight", 1, 768, "a Stable Diffusion 1.x model: its cross-attention is 768 wide"},
    {"attn2.to_k.weight", 1, 1024,
     "a Stable Diffusion 2.x model: its cross-attention is 1024 wide"},
    {"attn2.to_k.weight", 1, 1280, "the refiner of SDXL: its cross-attention is 1280 wide"},
    {"attn2.to_k.weight", 1, 2048, "the UNet of SDXL: its cross-attention is 2048 wide"},
    {"decoder.conv_in.weight", 1, 16, "a VAE of 16 channels: Flux or Stable Diffusion 3"},
    {"decoder.conv_in.weight", 1, 4, "a VAE of 4 channels: Stable Diffusion or SDXL"},
    {"token_embedding.weight", 1, 768, "the text encoder CLIP-L"},
    {"token_embedding.weight", 1, 1024, "the text encoder of Stable Diffusion 2.x (CLIP-H)"},
    {"token_embedding.weight", 1, 1280, "the text encoder CLIP-G"},
    {"SelfAttention.relative_attention_bias", -1, 0, "a T5 text encoder"},
};

bool fits(const Marker &marker, const StoredTensor &tensor) {
  if (tensor.name.find(marker.part) == std::string::npos) return false;
  if (marker.axis < 0) return true;
  const auto axis = static_cast<size_t>(marker.axis);
  return tensor.shape.rank() > axis && tensor.shape[axis] == marker.size;
}

}  // namespace

std::vector<std::string> kinds_of(const WeightSet &set) {
  std::vector<std::string> kinds;
  for (const Marker &marker : kMarkers) {
    if (std::ranges::find(kinds, marker.says) != kinds.end()) continue;
    const bool found = std::ranges::any_of(
        set.tensors(), [&](const auto &named) { return fits(marker, *named.second.tensor); });
    if (found) kinds.emplace_back(marker.says);
  }
  return kinds;
}

}  // namespace flame
