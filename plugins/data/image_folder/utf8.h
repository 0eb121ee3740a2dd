// Text from files, checked before it is used.
#pragma once

#include <string_view>

namespace image_folder {

// True for well-formed UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace image_folder
