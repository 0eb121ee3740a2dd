// Reads the pixels of a PNG file.
#pragma once

#include <optional>
#include <string>

#include "tests/quickstart/judge/seen.h"

namespace flame::quickstart {

// Nothing if it cannot be read; then `problem` says why.
std::optional<Pixels> read_picture(const std::string &file, std::string &problem);

}  // namespace flame::quickstart
