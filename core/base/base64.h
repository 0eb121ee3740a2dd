// Bytes as text of 64 letters, as RFC 4648 has it.
#pragma once

#include <string>
#include <string_view>

namespace flame {

// With padding, without line ends.
std::string base64(std::string_view bytes);

}  // namespace flame
