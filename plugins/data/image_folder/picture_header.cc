// Files are hostile until checked: every offset is compared before it is used, and every loop is
// bounded by the file.
#include "plugins/data/image_folder/picture_header.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "flame/error.hpp"

namespace image_folder {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1a\n"sv;
constexpr std::string_view kJpegMagic = "\xff\xd8\xff"sv;
// More parts before the pixels than any camera writes.
constexpr int kMostParts = 4096;
constexpr uint64_t kMostOfPart = 1 << 16;  // of a part that is looked into

uint32_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
uint32_t big16(std::string_view bytes, size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}
uint32_t big32(std::string_view bytes, size_t at) {
  return big16(bytes, at) << 16 | big16(bytes, at + 2);
}
uint32_t little16(std::string_view bytes, size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8;
}
uint32_t little32(std::string_view bytes, size_t at) {
  return little16(bytes, at) | little16(bytes, at + 2) << 16;
}

// At most `size` bytes from there.
std::string bytes_of(ByteSource &source, uint64_t offset, uint64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  bytes.resize(source.read(offset, bytes.data(), bytes.size()));
  return bytes;
}
// All of them, or an error.
std::string need(ByteSource &source, uint64_t offset, uint64_t size) {
  std::string bytes = bytes_of(source, offset, size);
  if (bytes.size() < size) throw flame::storage_error("the file ends early");
  return bytes;
}

bool is_srgb(std::string_view name) {
  return name.find("sRGB") != name.npos || name.find("srgb") != name.npos;
}

// --- PNG

void look_at_png_part(std::string_view kind, std::string_view data, PictureHeader &out) {
  if (kind == "tRNS") out.alpha = true;
  if (kind == "eXIf") out.orientation = exif_orientation(data);
  if (kind == "iCCP") {
    const std::string_view name = data.substr(0, data.find('\0'));
    if (!is_srgb(name)) out.profile = name.substr(0, 79);
  }
}

PictureHeader read_png(ByteSource &source) {
  const std::string head = need(source, 8, 25);
  if (big32(head, 0) != 13 || head.compare(4, 4, "IHDR") != 0)
    throw flame::storage_error("the PNG file does not begin with its header");
  PictureHeader out;
  out.format = Format::kPng;
  out.width = big32(head, 8);
  out.height = big32(head, 12);
  out.deep = byte_at(head, 16) == 16;
  const uint32_t colour = byte_at(head, 17);
  out.alpha = colour == 4 || colour == 6;
  uint64_t at = 33;
  for (int part = 0; part < kMostParts; ++part) {
    const std::string start = need(source, at, 8);
    const std::string_view kind = std::string_view(start).substr(4);
    const uint64_t size = big32(start, 0);
    if (kind == "IDAT") return out;
    if (kind == "IEND") break;
    if (kind == "tRNS" || kind == "eXIf" || kind == "iCCP")
      look_at_png_part(kind, bytes_of(source, at + 8, std::min(size, kMostOfPart)), out);
    at += 12 + size;
  }
  throw flame::storage_error("the PNG file holds no pixels");
}

// --- JPEG

bool is_frame(uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

void look_at_jpeg_part(uint32_t marker, std::string_view data, PictureHeader &out) {
  constexpr std::string_view kExif = "Exif\0\0"sv, kIcc = "ICC_PROFILE\0"sv;
  if (marker == 0xE1 && data.substr(0, kExif.size()) == kExif)
    out.orientation = exif_orientation(data.substr(kExif.size()));
  if (marker == 0xE2 && data.substr(0, kIcc.size()) == kIcc && data.size() > 14 &&
      byte_at(data, 12) == 1) {
    const std::string name = profile_name(data.substr(14));
    if (!is_srgb(name)) out.profile = name.empty() ? "without a name" : name;
  }
}

void read_frame(uint32_t marker, std::string_view data, PictureHeader &out) {
  if (marker > 0xC2)
    throw flame::storage_error("a kind of JPEG that is not read here (frame type ", marker - 0xC0,
                               "); convert it to baseline JPEG or PNG");
  if (data.size() < 6) throw flame::storage_error("the JPEG file's frame is cut off");
  out.deep = byte_at(data, 0) > 8;
  out.height = big16(data, 1);
  out.width = big16(data, 3);
  out.cmyk = byte_at(data, 5) == 4;
  if (out.deep) throw flame::storage_error("a JPEG file of 12 bits; convert it to PNG");
}

PictureHeader read_jpeg(ByteSource &source) {
  PictureHeader out;
  out.format = Format::kJpeg;
  uint64_t at = 2;
  for (int part = 0; part < kMostParts; ++part) {
    const std::string start = need(source, at, 4);
    if (byte_at(start, 0) != 0xFF)
      throw flame::storage_error("byte ", at, " of the JPEG file is no marker");
    const uint32_t marker = byte_at(start, 1);
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    const bool alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (alone) {
      at += 2;
      continue;
    }
    if (marker == 0xD9 || marker == 0xDA) break;
    const uint64_t size = big16(start, 2);
    if (size < 2) throw flame::storage_error("byte ", at, " of the JPEG file: a part of no size");
    if (is_frame(marker)) {
      read_frame(marker, need(source, at + 4, std::min<uint64_t>(size - 2, 16)), out);
      return out;
    }
    if (marker == 0xE1 || marker == 0xE2)
      look_at_jpeg_part(marker, bytes_of(source, at + 4, size - 2), out);
    at += 2 + size;
  }
  throw flame::storage_error("the JPEG file holds no picture");
}

// --- WebP

void read_lossy(std::string_view data, PictureHeader &out) {
  if (data.size() < 10 || data.substr(3, 3) != "\x9d\x01\x2a"sv)
    throw flame::storage_error("the WebP file does not begin with a whole picture");
  out.width = little16(data, 6) & 0x3fff;
  out.height = little16(data, 8) & 0x3fff;
}

void read_lossless(std::string_view data, PictureHeader &out) {
  if (data.size() < 5 || byte_at(data, 0) != 0x2f)
    throw flame::storage_error("the WebP file's picture has no right header");
  const uint32_t bits = little32(data, 1);
  out.width = (bits & 0x3fff) + 1;
  out.height = (bits >> 14 & 0x3fff) + 1;
  out.alpha = bits >> 28 & 1;
}

void look_at_webp_part(std::string_view kind, std::string_view data, PictureHeader &out) {
  if (kind == "EXIF") {
    constexpr std::string_view kPrefix = "Exif\0\0"sv;
    out.orientation = exif_orientation(
        data.substr(0, kPrefix.size()) == kPrefix ? data.substr(kPrefix.size()) : data);
  }
  if (kind == "ICCP") {
    const std::string name = profile_name(data);
    if (!is_srgb(name)) out.profile = name.empty() ? "without a name" : name;
  }
}

PictureHeader read_webp(ByteSource &source) {
  const std::string first = need(source, 12, 18);
  const std::string_view kind = std::string_view(first).substr(0, 4);
  const std::string_view data = std::string_view(first).substr(8);
  PictureHeader out;
  out.format = Format::kWebp;
  if (kind == "VP8 ") return read_lossy(data, out), out;
  if (kind == "VP8L") return read_lossless(data, out), out;
  if (kind != "VP8X") throw flame::storage_error("the WebP file holds no picture");
  const uint32_t flags = byte_at(data, 0);
  if (flags & 0x02) throw flame::storage_error("it is animated; save one of its pictures");
  out.alpha = (flags & 0x10) != 0;
  out.width = (little32(data, 4) & 0xffffff) + 1;
  out.height = (little32(data, 6) >> 8) + 1;
  if ((flags & 0x28) == 0) return out;  // neither EXIF nor a profile
  uint64_t at = 30;
  for (int part = 0; part < kMostParts; ++part) {
    const std::string start = bytes_of(source, at, 8);
    if (start.size() < 8) break;
    const std::string_view next = std::string_view(start).substr(0, 4);
    const uint64_t size = little32(start, 4);
    if (next == "EXIF" || next == "ICCP")
      look_at_webp_part(next, bytes_of(source, at + 8, std::min(size, kMostOfPart)), out);
    at += 8 + size + (size & 1);
  }
  return out;
}

bool is_webp(std::string_view first) {
  return first.substr(0, 4) == "RIFF" && first.size() >= 12 && first.substr(8, 4) == "WEBP";
}

void check_size(const PictureHeader &header) {
  const uint64_t width = header.width, height = header.height;
  if (width == 0 || height == 0)
    throw flame::storage_error("it has ", width, "×", height, " pixels");
  if (width > kMaxSide || height > kMaxSide || width * height > kMaxPixels)
    throw flame::storage_error("it has ", width, "×", height, " pixels, more than ",
                               kMaxPixels / 1'000'000, " million; make it smaller");
}

}  // namespace

uint8_t exif_orientation(std::string_view exif) {
  if (exif.size() < 8) return 1;
  const bool little = exif.substr(0, 4) == "II*\0"sv;
  if (!little && exif.substr(0, 4) != "MM\0*"sv) return 1;
  const auto two = [&](size_t at) { return little ? little16(exif, at) : big16(exif, at); };
  const auto four = [&](size_t at) { return little ? little32(exif, at) : big32(exif, at); };
  const size_t table = four(4);
  if (table > exif.size() - 2 || table < 8) return 1;
  const size_t count = two(table);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = table + 2 + 12 * i;
    if (entry + 12 > exif.size()) return 1;
    if (two(entry) != 0x0112) continue;
    const uint32_t value = two(entry + 2) == 3 ? two(entry + 8) : 0;
    return static_cast<uint8_t>(value >= 1 && value <= 8 ? value : 1);
  }
  return 1;
}

std::string profile_name(std::string_view icc) {
  if (icc.size() < 132) return {};
  const uint32_t count = std::min<uint32_t>(big32(icc, 128), 100);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t entry = 132 + 12 * i;
    if (entry + 12 > icc.size()) return {};
    if (icc.substr(entry, 4) != "desc") continue;
    const size_t offset = big32(icc, entry + 4);
    if (offset > icc.size() || icc.size() - offset < 28) return {};
    const std::string_view tag = icc.substr(offset);
    std::string name;
    if (tag.substr(0, 4) == "desc") {
      const size_t size = std::min<size_t>(big32(tag, 8), tag.size() - 12);
      name = tag.substr(12, size);
    } else if (tag.substr(0, 4) == "mluc") {  // UTF-16: its ASCII letters are enough to name it
      const size_t size = std::min<size_t>(big32(tag, 20), 256);
      const size_t start = big32(tag, 24);
      if (start > tag.size() || tag.size() - start < size) return {};
      for (size_t k = 1; k < size; k += 2) {
        if (tag[start + k - 1] == 0) name += tag[start + k];
      }
    }
    name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }),
               name.end());
    return name.substr(0, 79);
  }
  return {};
}

// Within the pixels, a byte 0xff is followed by another than 0xd9, the end of the picture.
bool is_whole_jpeg(std::string_view file) {
  size_t at = 2;
  while (at + 4 <= file.size() && byte_at(file, at) == 0xFF) {
    const uint32_t marker = byte_at(file, at + 1);
    if (marker == 0xDA) return file.find("\xff\xd9"sv, at) != file.npos;
    const bool alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    at += marker == 0xFF ? 1 : alone ? 2 : 2 + size_t{big16(file, at + 2)};
  }
  return false;
}

bool is_known_format(std::string_view first) {
  return first.substr(0, 8) == kPngMagic || first.substr(0, 3) == kJpegMagic || is_webp(first);
}

std::string_view foreign_format(std::string_view first) {
  constexpr std::pair<std::string_view, std::string_view> kBeginnings[] = {
      {"GIF8", "GIF"},       {"BM", "BMP"},
      {"II*\0"sv, "TIFF"},   {"MM\0*"sv, "TIFF"},
      {"8BPS", "PSD"},       {"\xff\x0a", "JPEG XL"},
      {"DDS ", "DDS"},       {"\x76\x2f\x31\x01", "EXR"},
      {"<!DOCTYPE", "HTML"}, {"<html", "HTML"},
      {"<svg", "SVG"},       {"%PDF", "PDF"}};
  for (const auto &[beginning, name] : kBeginnings) {
    if (first.substr(0, beginning.size()) == beginning) return name;
  }
  if (first.size() >= 12 && first.substr(4, 4) == "ftyp") {
    return first.substr(8, 4) == "avif" ? "AVIF" : "HEIF";
  }
  if (first.size() >= 12 && first.substr(4, 4) == "JXL ") return "JPEG XL";
  return {};
}

PictureHeader read_picture_header(ByteSource &source) {
  const std::string first = bytes_of(source, 0, 16);
  if (first.empty()) throw flame::storage_error("it is empty");
  PictureHeader out;
  if (first.compare(0, 8, kPngMagic) == 0) {
    out = read_png(source);
  } else if (first.compare(0, 3, kJpegMagic) == 0) {
    out = read_jpeg(source);
  } else if (is_webp(first)) {
    out = read_webp(source);
  } else {
    const std::string_view name = foreign_format(first);
    throw flame::storage_error("it is ", name.empty() ? "no picture" : name,
                               "; PNG, JPEG and WebP are taken: convert it");
  }
  check_size(out);
  return out;
}

}  // namespace image_folder
