#include "plugins/data/image_folder/caption_text.h"

#include <algorithm>
#include <vector>

#include "flame/philox.hpp"

namespace image_folder {
namespace {

// Philox numbers of no other use.
constexpr uint32_t kTagStream = 0x74616773;
constexpr std::string_view kPlaceholder = "[trigger]";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string_view> tags_of(std::string_view caption) {
  std::vector<std::string_view> tags;
  while (!caption.empty()) {
    const size_t comma = std::min(caption.find(','), caption.size());
    const std::string_view tag = trimmed(caption.substr(0, comma));
    if (!tag.empty()) tags.push_back(tag);
    caption.remove_prefix(std::min(comma + 1, caption.size()));
  }
  return tags;
}

uint64_t fnv(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// "a, b"; either may be empty.
std::string joined(std::string a, std::string_view b) {
  if (a.empty() || b.empty()) return a.append(b);
  return a.append(", ").append(b);
}

std::string with_trigger(std::string_view caption, const std::string &trigger) {
  std::string out(caption);
  bool placed = trigger.empty();
  for (size_t at = out.find(kPlaceholder); at != out.npos;
       at = out.find(kPlaceholder, at + trigger.size())) {
    out.replace(at, kPlaceholder.size(), trigger);
    placed = true;
  }
  if (placed || out.find(trigger) != out.npos) return out;
  return joined(trigger, out);
}

std::string rearranged(std::string_view caption, const CaptionRule &rule, uint64_t number) {
  std::vector<std::string_view> tags = tags_of(caption);
  const size_t keep = std::min<size_t>(static_cast<size_t>(rule.keep), tags.size());
  const auto seed = static_cast<int64_t>(fnv(caption));
  uint64_t block = 0;
  const auto word = [&] {
    return flame::random_words(seed, static_cast<int64_t>(number), kTagStream, block++)[0];
  };
  if (rule.shuffle) {
    for (size_t left = tags.size(); left > keep + 1; --left) {
      const size_t chosen = keep + static_cast<size_t>(uint64_t{word()} * (left - keep) >> 32);
      std::swap(tags[left - 1], tags[chosen]);
    }
  }
  std::string out;
  for (size_t i = 0; i < tags.size(); ++i) {
    const bool dropped = i >= keep && flame::uniform_of(word()) < rule.tag_dropout;
    if (!dropped) out = joined(std::move(out), tags[i]);
  }
  return out;
}

}  // namespace

std::string tidy(std::string_view caption) {
  std::string out(trimmed(caption));
  for (char &c : out) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  return out;
}

std::string make_caption(std::string_view caption, const CaptionRule &rule, uint64_t number) {
  std::string out = with_trigger(caption, rule.trigger);
  if (rule.varies()) out = rearranged(out, rule, number);
  return joined(joined(rule.prefix, out), rule.suffix);
}

}  // namespace image_folder
