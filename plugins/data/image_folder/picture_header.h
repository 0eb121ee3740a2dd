// What the first bytes of a PNG, JPEG or WebP file say, read without decoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace image_folder {

enum class Format : uint8_t {
  kPng = 1,
  kJpeg = 2,
  kWebp = 3,
};

struct PictureHeader {
  Format format = Format::kPng;
  uint32_t width = 0;  // as stored: before the orientation
  uint32_t height = 0;
  uint8_t orientation = 1;  // of EXIF, 1 to 8
  bool alpha = false;
  bool cmyk = false;
  bool deep = false;    // more than 8 bits a channel
  std::string profile;  // the name of a colour profile that is not sRGB; empty: none

  // True if width and height change places when the picture is turned upright.
  bool turned() const { return orientation >= 5; }
};

inline constexpr uint32_t kMaxSide = 32768;
inline constexpr uint64_t kMaxPixels = 100'000'000;

// Bytes from outside that are read where they are needed. Reads past the end give fewer bytes.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual size_t read(uint64_t offset, void *into, size_t size) = 0;
};

// "GIF", "TIFF", "HTML" …: what the bytes are if they are none of ours; empty: not known.
std::string_view foreign_format(std::string_view first_bytes);
// True if the bytes begin as one of the three formats.
bool is_known_format(std::string_view first_bytes);

// Error (STORAGE): why this is no picture, without the file's name.
PictureHeader read_picture_header(ByteSource &source);

// False for a JPEG file that ends before its pixels do, which decoders fill up with grey. Its header
// was read before.
bool is_whole_jpeg(std::string_view file);

// 1 to 8, from the bytes of an EXIF block (a TIFF header and what follows); 1 if it says nothing
// that makes sense.
uint8_t exif_orientation(std::string_view exif);
// What an ICC profile calls itself; "" if it does not.
std::string profile_name(std::string_view icc);

}  // namespace image_folder
