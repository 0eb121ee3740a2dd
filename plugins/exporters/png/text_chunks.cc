// OpenImageIO writes texts too, but as tEXt whatever is in them, some under other names, and its own
// among them. So the chunks of texts are made here.
#include "plugins/exporters/png/text_chunks.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

#include "flame/plugin.hpp"

namespace png {
namespace {

constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
constexpr size_t kMostKeyword = 79;
constexpr size_t kMostText = size_t{1} << 30;  // a chunk is shorter than 2^31 bytes
constexpr size_t kChunkFrame = 12;             // length, type and CRC

// As ISO 3309 defines it; texts are short, so without a table.
uint32_t crc32(std::string_view bytes) {
  uint32_t crc = 0xffffffffu;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

std::string big_endian(uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

std::string chunk(std::string_view type, std::string_view data) {
  const std::string covered = flame::text(type, data);
  return big_endian(static_cast<uint32_t>(data.size())) + covered + big_endian(crc32(covered));
}

bool is_printable_ascii(char byte) {
  return byte >= ' ' && byte <= '~';
}

void check_keyword(std::string_view keyword) {
  const bool fits = !keyword.empty() && keyword.size() <= kMostKeyword;
  const bool blanks_inside = fits && keyword.front() != ' ' && keyword.back() != ' ' &&
                             keyword.find("  ") == std::string_view::npos;
  if (blanks_inside && std::all_of(keyword.begin(), keyword.end(), is_printable_ascii)) return;
  throw flame::unsupported("the fact '", keyword, "' cannot be a keyword of PNG; expected 1 to ",
                           kMostKeyword,
                           " printable characters of ASCII, with single blanks "
                           "between words");
}

// Where `text` is no UTF-8, or its size.
size_t end_of_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    utf8proc_int32_t character = 0;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data() + at),
                         static_cast<utf8proc_ssize_t>(text.size() - at), &character);
    if (length <= 0) break;
    at += static_cast<size_t>(length);
  }
  return at;
}

void check_text(std::string_view keyword, std::string_view text) {
  if (text.size() > kMostText) {
    throw flame::unsupported("the fact '", keyword, "' has ", text.size(),
                             " bytes; expected at most ", kMostText);
  }
  if (const size_t at = text.find('\0'); at != std::string_view::npos) {
    throw flame::unsupported("the fact '", keyword, "' holds a NUL at byte ", at,
                             ", which ends a text in PNG; leave it out");
  }
  if (const size_t at = end_of_utf8(text); at != text.size()) {
    throw flame::unsupported("the fact '", keyword, "' is no UTF-8 at byte ", at,
                             "; expected text in UTF-8");
  }
}

uint32_t number_at(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

bool tells_colours(std::string_view type) {
  return type == "sRGB" || type == "gAMA" || type == "cHRM";
}

}  // namespace

std::string text_chunk(std::string_view keyword, std::string_view text) {
  check_keyword(keyword);
  check_text(keyword, text);
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
  if (ascii) return chunk("tEXt", flame::text(keyword, '\0', text));
  // Not compressed (two zeros), of no language, without a translated keyword.
  constexpr std::string_view kPlain("\0\0\0\0\0", 5);
  return chunk("iTXt", flame::text(keyword, kPlain, text));
}

Pieces with_texts(std::string_view file, std::string_view text_chunks) {
  if (file.substr(0, kSignature.size()) != kSignature)
    throw flame::failed("OpenImageIO made something that is no PNG: it has no signature");
  Pieces pieces{std::string(kSignature), {}};
  for (size_t at = kSignature.size(); file.size() - at >= kChunkFrame;) {
    const size_t size = kChunkFrame + number_at(file, at);
    const std::string_view type = file.substr(at + 4, 4);
    if (size > file.size() - at) break;
    if (type == "IDAT") {
      pieces.tail = file.substr(at);
      return pieces;
    }
    if (type == "IHDR") pieces.head += flame::text(file.substr(at, size), text_chunks);
    if (tells_colours(type)) pieces.head += file.substr(at, size);
    at += size;
  }
  throw flame::failed("OpenImageIO made something that is no PNG: it has no pixels");
}

}  // namespace png
