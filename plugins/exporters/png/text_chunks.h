// Named texts inside a PNG file: https://www.w3.org/TR/png-3/#11textinfo.
#pragma once

#include <string>
#include <string_view>

namespace png {

// A whole chunk, from length to CRC: tEXt if the text is ASCII, else iTXt, whose text is UTF-8. So
// the text stands in the file byte for byte. Throws unsupported() if PNG cannot hold them.
std::string text_chunk(std::string_view keyword, std::string_view text);

// A PNG file in two pieces, one behind the other.
struct Pieces {
  std::string head;       // all before the pixels
  std::string_view tail;  // of the `file` that it was made from
};

// The file that OpenImageIO made, with the chunks of texts behind its IHDR. Of its own chunks
// before the pixels only those that say what the colours mean stay. Throws failed() if it is no
// PNG.
Pieces with_texts(std::string_view file, std::string_view text_chunks);

}  // namespace png
