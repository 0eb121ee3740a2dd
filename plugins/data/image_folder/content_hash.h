// SHA-256, the identity of a picture's content.
#pragma once

#include <string>
#include <string_view>

namespace image_folder {

// 64 lower-case hexadecimal digits.
std::string sha256_of(std::string_view bytes);

}  // namespace image_folder
