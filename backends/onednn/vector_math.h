// Functions of one f32 that compilers turn into vector code, for loops marked with target_clones.
//
// They are static, so that each file has its own copy, inlined for each processor.
#pragma once

#include <cstdint>
#include <cstring>

namespace flame::onednn {

[[gnu::always_inline]] static inline float float_from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

[[gnu::always_inline]] static inline uint32_t bits_from_float(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// e to the x, within 2 units of the last place; 0 and infinity beyond the range, NaN for NaN.
// x = n · ln 2 + r with |r| ≤ ln 2 / 2; the polynomial gives e to the r.
[[gnu::always_inline]] static inline float exp_f32(float x) {
  constexpr float kToInteger = 12582912.0f;  // 1.5 · 2²³: adding it leaves a whole number
  x = x < -106.0f ? -106.0f : x;
  x = x > 89.0f ? 89.0f : x;
  const float shifted = x * 1.44269504f + kToInteger;
  const float n = shifted - kToInteger;
  const float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
  float p = 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  // 2ⁿ in two factors, so that subnormal answers come out right.
  const int32_t exponent = static_cast<int32_t>(bits_from_float(shifted)) - 0x4b400000;
  const int32_t half = exponent >> 1;
  const float first = float_from_bits(static_cast<uint32_t>(half + 127) << 23);
  const float second = float_from_bits(static_cast<uint32_t>(exponent - half + 127) << 23);
  return p * first * second;
}

[[gnu::always_inline]] static inline float sigmoid_f32(float x) {
  return 1.0f / (1.0f + exp_f32(-x));
}

}  // namespace flame::onednn
