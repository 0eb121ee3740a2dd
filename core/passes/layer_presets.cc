#include "core/passes/layer_presets.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "core/passes/adapt.h"

namespace flame {
namespace {

constexpr std::string_view kAttention[] = {
    "to_q",         "to_k",         "to_v",          "to_out.0",     "to_add_out", "add_q_proj",
    "add_k_proj",   "q_proj",       "add_v_proj",    "k_proj",       "v_proj",     "out_proj",
    "img_attn.qkv", "txt_attn.qkv", "img_attn.proj", "txt_attn.proj"};
constexpr std::string_view kFeedForward[] = {
    "ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2", "fc1", "fc2",
    "img_mlp.*",     "txt_mlp.*"};
// What makes one vector of the time step, of the pooled text and of Flux's guidance. kohya's trainers
// put no adapters there, and stable-diffusion.cpp has no names for them: a LoRA with them would be
// read in part. A pattern still means them.
constexpr std::string_view kConditionEmbedding[] = {
    "time_embedding.*", "add_embedding.*", "text_projection", "time_text_embed.**",
    "time_in.*",        "vector_in.*",     "guidance_in.*"};

bool is_one_of(std::span<const std::string_view> patterns, std::string_view name) {
  return std::ranges::any_of(
      patterns, [&](std::string_view pattern) { return matches_layer(pattern, name); });
}

// Nothing if `preset` is none.
std::vector<std::string> preset_layers(std::string_view preset, const Program &program,
                                       Learns learns) {
  const bool attention = preset == "attention", both = preset == "attention+ff";
  const bool linear = preset == "all-linear";
  if (!attention && !both && !linear && preset != "all") return {};
  const auto is_meant = [&](const std::string &name) {
    if (attention) return is_one_of(kAttention, name);
    if (both) return is_one_of(kAttention, name) || is_one_of(kFeedForward, name);
    return learns == Learns::kOwnWeights || !is_one_of(kConditionEmbedding, name);
  };
  std::vector<std::string> names;
  for (const std::string &name : adaptable_layers(program, linear ? "linear" : ""))
    if (is_meant(name)) names.push_back(name);
  return names;
}

}  // namespace

std::vector<std::string> named_layers(const std::vector<std::string> &texts, const Program &program,
                                      Learns learns) {
  std::vector<std::string> layers;
  const std::vector<std::string> all{"all"};
  for (const std::string &text : texts.empty() && learns == Learns::kAdapters ? all : texts) {
    const bool leaves = text.starts_with('!');
    const size_t end = std::min(text.find(' '), text.size());
    const std::string preset = text.substr(leaves, end - leaves);
    const std::vector<std::string> names = preset_layers(preset, program, learns);
    if (names.empty()) layers.push_back(text);
    for (const std::string &name : names)
      layers.push_back((leaves ? "!" : "") + name + text.substr(end));
  }
  return layers;
}

}  // namespace flame
