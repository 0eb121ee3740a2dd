// What becomes of a caption before the model reads it: trigger word, tags in another order or left
// out, prefix and suffix. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace image_folder {

struct CaptionRule {
  std::string trigger = {};  // replaces "[trigger]", or is put in front
  std::string prefix = {};
  std::string suffix = {};
  bool shuffle = false;
  int keep = 0;            // tags at the front that stay where they are
  double tag_dropout = 0;  // the part of the other tags that is left out

  bool varies() const { return shuffle || tag_dropout > 0; }
};

// Variant `number` of a caption; the same for the same number in every run. Rules that do not vary
// give the same text for every number.
std::string make_caption(std::string_view caption, const CaptionRule &rule, uint64_t number);

// One line without blanks around it: line ends and tabs become blanks.
std::string tidy(std::string_view caption);

}  // namespace image_folder
