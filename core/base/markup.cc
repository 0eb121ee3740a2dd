#include "core/base/markup.h"

namespace flame {
namespace {

std::string_view escape_of(const char &c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {&c, 1};
  }
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char &c : text) out += escape_of(c);
  return out;
}

}  // namespace flame
