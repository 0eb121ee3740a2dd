// Small things done to text.
#pragma once

#include <string>
#include <string_view>

namespace flame {

// The items, anything a string_view can be made of, with `between` between them.
template <typename Items>
std::string join(const Items &items, std::string_view between) {
  std::string text;
  for (const auto &item : items) {
    if (!text.empty()) text += between;
    text += std::string_view(item);
  }
  return text;
}

// Every occurrence of `mark` becomes `with`.
inline std::string replace_all(std::string text, std::string_view mark, std::string_view with) {
  for (size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + with.size())) {
    text.replace(at, mark.size(), with);
  }
  return text;
}

}  // namespace flame
