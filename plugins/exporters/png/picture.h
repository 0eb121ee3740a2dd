// The picture in a set of parameters: what it has to be, and its pixels as bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "flame/plugin.hpp"

namespace png {

struct Picture {
  int64_t height, width;
  int64_t channels;  // 1 grey, 3 colour, 4 colour and how opaque
  flame_dtype dtype;
};

// The only tensor of the set. Takes no memory for its pixels. Throws unsupported() with the name of
// what is wrong and what was expected.
Picture picture_in(const flame::Parameters &parameters);

// Its pixels, row by row, a byte for each channel; floats from 0 to 1 are rounded to the nearest.
// Throws where a number is none of these.
std::vector<char> pixels_of(const flame::Parameters &parameters, const Picture &picture);

}  // namespace png
