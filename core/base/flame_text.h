// Between the contract's strings and ours.
#pragma once

#include <string_view>

#include "flame/abi.h"

namespace flame {

// The text, whose memory must be sound; "" if it is null.
inline std::string_view text_of(flame_str text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

// Borrows the text.
inline flame_str flame_text(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace flame
