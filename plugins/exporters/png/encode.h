// Pixels as the bytes of a PNG file, by OpenImageIO.
#pragma once

#include <vector>

#include "plugins/exporters/png/picture.h"

namespace png {

// Loads OpenImageIO, once for the process. Throws unsupported() with the library that is missing,
// and tries again the next time.
void load_encoder();

// `pixels` as pixels_of() gives them; `compression` from 0 (none) to 9 (slow and small). Throws
// what load_encoder() throws, and an error with what OpenImageIO said.
std::vector<unsigned char> encode(const Picture &picture, const std::vector<char> &pixels,
                                  int compression);

}  // namespace png
