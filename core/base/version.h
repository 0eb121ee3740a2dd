// The product's version, from the one place where it is written: CMakeLists.txt.
#pragma once

#include <string_view>

namespace flame {

inline constexpr std::string_view kVersion = FLAME_VERSION;

}  // namespace flame
