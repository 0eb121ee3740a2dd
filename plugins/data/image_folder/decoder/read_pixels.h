// The pixels of a PNG, JPEG or WebP file in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "plugins/data/image_folder/decoder/resample.h"
#include "plugins/data/image_folder/picture_header.h"

namespace image_folder {

// One, two (with alpha), three or four channels of a byte each, as stored. The size is the one that
// was expected, or it is an error. Errors are exceptions with the reason.
Raster read_pixels(Format format, const std::vector<char> &file, uint32_t width, uint32_t height);

}  // namespace image_folder
