// Sizes pictures with Lanczos of three lobes on the stored (gamma) values, as Pillow's LANCZOS does
// and the common trainers with it: columns first, rounded to bytes, then rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace image_folder {

// Rows of bytes, `channels` for each pixel, without gaps.
struct Raster {
  size_t width = 0, height = 0, channels = 0;
  std::vector<uint8_t> bytes;
  bool multiplied = false;  // the colours are multiplied by alpha, the last channel
};

// The part of the picture, resized to resized_width × resized_height, that starts at (left, top).
// The part lies inside. Only what it needs is computed. For 1 and 3 channels.
struct Cut {
  size_t resized_width = 0, resized_height = 0;
  size_t left = 0, top = 0, width = 0, height = 0;
};
Raster resample(const Raster &from, const Cut &cut);

// The picture as it is meant to be seen, for an orientation of EXIF from 1 to 8.
Raster upright(Raster from, uint32_t orientation);

void mirror(Raster &picture);

}  // namespace image_folder
