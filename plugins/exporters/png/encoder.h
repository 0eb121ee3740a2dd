// What the plugin and its library of OpenImageIO agree on: both are built and installed together.
#pragma once

#include <string>
#include <vector>

#include "flame/abi.h"

namespace png {

// Row by row, a byte for each channel.
struct Pixels {
  int width, height, channels;
  const char *bytes;  // width · height · channels
};

constexpr const char *kEncoderName = "flame_png_encode";

// Fills `file` with a PNG of the pixels; `compression` from 0 (none) to 9 (slow and small). Works in
// the caller's thread. Fills `error` where it returns no FLAME_OK.
using Encoder = flame_status(const Pixels &pixels, int compression,
                             std::vector<unsigned char> &file, std::string &error) noexcept;

}  // namespace png
