#include "core/cli/html.h"

#include "core/base/terminal.h"
#include "core/base/utf8.h"

namespace flame::cli {
namespace {

constexpr std::string_view kUnknown = "\xef\xbf\xbd";

std::string as_utf8(std::string_view text) {
  std::string out;
  for (size_t wrong = find_invalid_utf8(text); wrong != std::string_view::npos;
       wrong = find_invalid_utf8(text)) {
    out.append(text.substr(0, wrong)).append(kUnknown);
    text.remove_prefix(wrong + 1);
  }
  return out.append(text);
}

}  // namespace

std::string html(std::string_view text) {
  std::string out;
  for (const char c : printable(as_utf8(text))) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace flame::cli
