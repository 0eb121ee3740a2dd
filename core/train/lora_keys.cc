#include "core/train/lora_keys.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <vector>

namespace flame {

std::string_view sdxl_lora_keys();  // made by the build

namespace {

int64_t number_of(std::string_view text) {
  int64_t number = 0;
  [[maybe_unused]] const auto read =
      std::from_chars(text.data(), text.data() + text.size(), number);
  assert(read.ec == std::errc());
  return number;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(at, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// The names that "a_{0-1,4}_b" stands for.
std::vector<std::string> expanded(std::string_view pattern) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) return {std::string(pattern)};
  const size_t close = pattern.find('}', open);
  const std::vector<std::string> rests = expanded(pattern.substr(close + 1));
  std::vector<std::string> names;
  for (const std::string_view range : split(pattern.substr(open + 1, close - open - 1), ',')) {
    const std::vector<std::string_view> ends = split(range, '-');
    for (int64_t i = number_of(ends.front()); i <= number_of(ends.back()); ++i) {
      for (const std::string &rest : rests)
        names.push_back(std::string(pattern.substr(0, open)) + std::to_string(i) + rest);
    }
  }
  return names;
}

// How other rules begin the name of a module that kohya's begin with the second.
constexpr std::pair<std::string_view, std::string_view> kBeginnings[] = {
    {"unet.", "lora_unet_"},
    {"diffusion_model.", "lora_unet_"},
    {"text_encoder.", "lora_te1_"},
    {"text_encoder_2.", "lora_te2_"},
};

}  // namespace

LoraKeys::LoraKeys(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    std::vector<int64_t> sizes;
    for (const std::string_view size : split(line.substr(0, space), 'x'))
      sizes.push_back(number_of(size));
    for (std::string &name : expanded(line.substr(space + 1)))
      shapes_.emplace(std::move(name), Shape(std::span<const int64_t>(sizes)));
  }
}

const LoraKeys *LoraKeys::of_model(std::string_view component) {
  static const LoraKeys sdxl(sdxl_lora_keys());
  return component == "sdxl" ? &sdxl : nullptr;
}

const Shape *LoraKeys::find(std::string_view stem) const {
  std::string name(stem);
  for (const auto &[beginning, own] : kBeginnings) {
    if (stem.starts_with(beginning)) name = std::string(own).append(stem.substr(beginning.size()));
  }
  std::ranges::replace(name, '.', '_');
  const auto found = shapes_.find(name);
  return found == shapes_.end() ? nullptr : &found->second;
}

}  // namespace flame
