// Event files of TensorBoard: scalars by step, each event in a frame with checksums.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flame {

// CRC-32C, the checksum of Castagnoli.
uint32_t crc32c(std::string_view bytes);

struct EventScalar {
  std::string tag;  // "loss/raw"
  double value = 0;
};

// The first frame of a file. `time` is in seconds of Unix.
std::string version_frame(double time);
// One event with all scalars of a step.
std::string scalar_frame(double time, int64_t step, std::span<const EventScalar> scalars);

}  // namespace flame
