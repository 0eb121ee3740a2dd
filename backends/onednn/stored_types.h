// One element in memory and as a value, in functions that compilers put into vectors.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "flame/small_floats.hpp"

namespace flame::onednn {

// Types for the bits of elements that C++ has no type for.
struct Bf16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};
struct F8E4M3 {
  uint8_t bits;
};
struct F8E5M2 {
  uint8_t bits;
};
struct Bool {
  uint8_t byte;
};

inline float to_float(Bf16 from) {
  return std::bit_cast<float>(uint32_t{from.bits} << 16);
}

// The exponent is brought to f32's by a product, which also makes subnormal numbers right.
inline float to_float(F16 from) {
  const uint32_t magnitude = from.bits & 0x7fffu;
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f);
  const uint32_t special = magnitude << 13 | 0x7f800000u;  // infinity and NaN
  return std::bit_cast<float>((magnitude >= 0x7c00u ? special : finite) | (from.bits & 0x8000u)
                                                                              << 16);
}

extern const std::array<float, 256> kF8E4M3Values;
extern const std::array<float, 256> kF8E5M2Values;
inline float to_float(F8E4M3 from) {
  return kF8E4M3Values[from.bits];
}
inline float to_float(F8E5M2 from) {
  return kF8E5M2Values[from.bits];
}

inline Bf16 to_bf16(float from) {
  const auto bits = std::bit_cast<uint32_t>(from);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return {static_cast<uint16_t>(from != from ? 0x7fc0u : rounded)};
}

inline F16 to_f16(float from) {
  const auto bits = std::bit_cast<uint32_t>(from);
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Normal numbers: the exponent's bias changes, the mantissa is rounded at bit 13.
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  // Subnormal ones: adding 0.5 puts their last place at the last place of the sum.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;
  const bool is_nan = magnitude > 0x7f800000u;
  return {static_cast<uint16_t>(is_nan ? 0x7e00u : half | (bits >> 16 & 0x8000u))};
}

// Truncated, saturated, 0 for NaN.
template <typename Integer, typename Float>
inline Integer to_integer(Float from) {
  constexpr auto kLeast = static_cast<Float>(std::numeric_limits<Integer>::min());
  constexpr auto kBeyond = static_cast<Float>(std::numeric_limits<Integer>::max() / 2 + 1) * 2;
  if (from >= kBeyond) return std::numeric_limits<Integer>::max();
  if (from <= kLeast) return std::numeric_limits<Integer>::min();
  return from != from ? Integer{0} : static_cast<Integer>(from);
}

// A value of a class (uint8_t, int64_t, float, double) from an element.
template <typename Value, typename Stored>
inline Value loaded(Stored from) {
  if constexpr (std::is_same_v<Stored, Bool>) {
    return static_cast<Value>(from.byte != 0);
  } else if constexpr (std::is_arithmetic_v<Stored>) {
    return static_cast<Value>(from);
  } else {
    return static_cast<Value>(to_float(from));
  }
}

// An element from a value of a class, as the op map stores.
template <typename Stored, typename Value>
inline Stored stored(Value from) {
  constexpr bool kFromFloat = std::is_floating_point_v<Value>;
  if constexpr (std::is_same_v<Stored, Bool>) {
    return {static_cast<uint8_t>(from != 0)};
  } else if constexpr (std::is_integral_v<Stored>) {
    if constexpr (kFromFloat)
      return to_integer<Stored>(from);
    else
      return static_cast<Stored>(from);
  } else if constexpr (std::is_floating_point_v<Stored>) {
    if constexpr (std::is_same_v<Value, int64_t>)
      return static_cast<Stored>(static_cast<double>(from));
    else
      return static_cast<Stored>(from);
  } else if constexpr (std::is_same_v<Stored, Bf16> && std::is_same_v<Value, float>) {
    return to_bf16(from);
  } else if constexpr (std::is_same_v<Stored, F16> && std::is_same_v<Value, float>) {
    return to_f16(from);
  } else {
    // Rounded once; rare, and slow.
    constexpr FloatFormat kFormat = std::is_same_v<Stored, Bf16>     ? kFormatBF16
                                    : std::is_same_v<Stored, F16>    ? kFormatF16
                                    : std::is_same_v<Stored, F8E4M3> ? kFormatF8E4M3
                                                                     : kFormatF8E5M2;
    using Bits = decltype(Stored::bits);
    return {static_cast<Bits>(encode_float(kFormat, static_cast<double>(from)))};
  }
}

}  // namespace flame::onednn
