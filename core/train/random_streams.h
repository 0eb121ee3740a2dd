// Who draws which random numbers of a training, so that no two draw the same: streams of Philox under
// the run's seed, with the number of the micro-batch as the counter. Sampling has 0 and 1.
#pragma once

#include <cstdint>

namespace flame {

inline constexpr uint32_t kNoiseStream = 16;
inline constexpr uint32_t kNoiseOffsetStream = 17;
inline constexpr uint32_t kTimeStream = 18;
inline constexpr uint32_t kOrderStream = 19;    // of examples
inline constexpr uint32_t kVariantStream = 20;  // which variant of an example
inline constexpr uint32_t kCaptionDropoutStream = 21;
inline constexpr uint32_t kParameterStream = 22;  // where adapters start
inline constexpr uint32_t kProbeStream = 24;      // of checks
inline constexpr uint32_t kPyramidStream = 32;    // and those behind it, one a level
// Of adapters: one a layer, and so many for each model that learns.
inline constexpr uint32_t kAdapterStream = 1U << 20;
inline constexpr uint32_t kAdapterStreams = 1U << 20;

}  // namespace flame
