#include "core/passes/layer_presets.h"

#include <algorithm>
#include <span>

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

bool is_one_of(std::span<const std::string_view> patterns, std::string_view name) {
  return std::ranges::any_of(
      patterns, [&](std::string_view pattern) { return matches_layer(pattern, name); });
}

}  // namespace

std::optional<std::vector<std::string>> preset_layers(std::string_view preset,
                                                      const Program &program) {
  const bool attention = preset == "attention", both = preset == "attention+ff";
  const bool linear = preset == "all-linear";
  if (!attention && !both && !linear && preset != "all") return std::nullopt;
  std::vector<std::string> names;
  for (const std::string &name : adaptable_layers(program, linear ? "linear" : "")) {
    const bool meant = attention ? is_one_of(kAttention, name)
                       : both    ? is_one_of(kAttention, name) || is_one_of(kFeedForward, name)
                                 : true;
    if (meant) names.push_back(name);
  }
  return names;
}

}  // namespace flame
