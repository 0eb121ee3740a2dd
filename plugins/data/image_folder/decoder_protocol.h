// What the plugin and its decoder agree on: both are built and installed together. The decoder is
// descriptor 0 of its process: one socket, requests in, replies out, in turn.
#pragma once

#include <cstdint>

namespace image_folder {

inline constexpr uint32_t kProtocol = 0x464d4401;
inline constexpr const char *kDecoderName = "flame-picture-decoder";

enum class Want : uint32_t {
  kColours,  // 3 bytes a pixel, over white where the picture is transparent
  kAlpha,    // 1 byte a pixel: how opaque it is
  kGrey,     // 1 byte a pixel: how bright it is
};

// The first thing that the decoder says.
struct Hello {
  uint32_t protocol = kProtocol;
  uint32_t reserved = 0;
};

// Followed by the file's `file_size` bytes.
struct DecodeRequest {
  uint32_t protocol = kProtocol;
  uint32_t format = 0;  // a Format
  uint64_t file_size = 0;
  uint32_t width = 0, height = 0;  // as stored; another size in the file is an error
  uint32_t orientation = 1;
  Want want = Want::kColours;
  uint32_t resized_width = 0, resized_height = 0;  // of the upright picture
  uint32_t left = 0, top = 0, cut_width = 0, cut_height = 0;
  uint32_t mirrored = 0;
  uint32_t cpu_seconds = 0;  // that it may take
};

// Followed by `size` bytes: the pixels, row by row, or the reason as text.
struct DecodeReply {
  uint32_t protocol = kProtocol;
  uint32_t failed = 0;
  uint64_t size = 0;
};

}  // namespace image_folder
