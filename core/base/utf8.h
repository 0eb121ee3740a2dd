// Text from outside, checked before it is used.
#pragma once

#include <cstddef>
#include <string_view>

namespace flame {

// The offset of the first byte that is not well-formed UTF-8 (overlong forms, surrogates and what
// lies beyond U+10FFFF included), or npos.
size_t find_invalid_utf8(std::string_view text);

inline bool is_utf8(std::string_view text) {
  return find_invalid_utf8(text) == std::string_view::npos;
}

// True if `text` holds a control character of C0 or C1, or DEL: tab and line end are such.
bool has_control_characters(std::string_view text);

}  // namespace flame
