#include "core/base/terminal.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>

namespace flame {

bool colour_allowed(int descriptor) {
  const char *terminal = getenv("TERM");
  return isatty(descriptor) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb" &&
         getenv("NO_COLOR") == nullptr;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f;
    out += control ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

}  // namespace flame
