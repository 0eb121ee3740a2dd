// What the tokenizer asks of Unicode: the normal form of a text, and the kinds of its letters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

using CodePoints = std::vector<int32_t>;

// NFC, then lower case, letter by letter. Throws INVALID_ARGUMENT for what is no UTF-8. Time is
// linear, but for sorting marks that follow each other.
CodePoints normalized(std::string_view text);

enum class Kind : uint8_t {
  kSpace,
  kLetter,
  kNumber,
  kOther
};
Kind kind_of(int32_t code_point);

void append_utf8(std::string &out, int32_t code_point);

}  // namespace clip
