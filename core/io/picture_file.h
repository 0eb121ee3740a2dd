// PNG files of pictures, read and written in memory: enough to show small copies of those that runs
// leave behind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace flame {

// 8 bits a channel, rows of red, green and blue.
struct SmallPicture {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;
};

// Reads 8 bits of grey, red-green-blue, or either with alpha (left out), not interlaced, as the
// exporter png writes them; at most 16384 pixels a side. Errors (kStorage) name `name`: another kind
// of PNG, or a broken file, whose checksums are looked at.
Result<SmallPicture> read_png(std::string_view file, std::string_view name);

std::string write_png(const SmallPicture &picture);

// So that no side is longer than `longest`: each pixel is the mean of those that it stands for. A
// picture that is small enough stays as it is.
SmallPicture shrunk(const SmallPicture &picture, int64_t longest);

}  // namespace flame
