#include "core/base/base64.h"

#include <algorithm>
#include <cstdint>

namespace flame {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t first = 0; first < bytes.size(); first += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - first);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < count ? static_cast<uint8_t>(bytes[first + i]) : 0u);
    for (size_t i = 0; i < 4; ++i) text += i <= count ? kLetters[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

}  // namespace flame
