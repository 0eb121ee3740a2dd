// The narrow float formats, exactly: f16, bf16, f8_e4m3, f8_e5m2. Slow and plain; C++17, header
// only.
#ifndef FLAME_SMALL_FLOATS_HPP
#define FLAME_SMALL_FLOATS_HPP

#include <cmath>
#include <cstdint>
#include <limits>

namespace flame {

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  uint32_t largest;   // the bits of the largest finite number
  bool has_infinity;  // the exponent of all ones is infinity and NaN, as IEEE 754 has it
  bool saturates;     // a number beyond the largest becomes the largest; else infinity
  uint32_t nan;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  int sign_shift() const { return exponent_bits + mantissa_bits; }
};

inline constexpr FloatFormat kFormatF16{5, 10, 0x7bffu, true, false, 0x7e00u};
inline constexpr FloatFormat kFormatBF16{8, 7, 0x7f7fu, true, false, 0x7fc0u};
inline constexpr FloatFormat kFormatF8E4M3{4, 3, 0x7eu, false, true, 0x7fu};
inline constexpr FloatFormat kFormatF8E5M2{5, 2, 0x7bu, true, true, 0x7fu};

inline double decode_float(const FloatFormat &format, uint32_t bits) {
  const uint32_t sign = bits >> format.sign_shift();
  const uint32_t magnitude = bits & ((1u << format.sign_shift()) - 1);
  const int exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  const uint32_t mantissa = magnitude & ((1u << format.mantissa_bits) - 1);
  double value;
  if (magnitude > format.largest) {
    const bool infinite = format.has_infinity && mantissa == 0;
    value = infinite ? std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(mantissa, 1 - format.bias() - format.mantissa_bits);
  } else {
    value = std::ldexp(mantissa + (1u << format.mantissa_bits),
                       exponent - format.bias() - format.mantissa_bits);
  }
  return sign ? -value : value;
}

// Rounds to nearest, halves to even, in one step.
inline uint32_t encode_float(const FloatFormat &format, double value) {
  if (std::isnan(value)) return format.nan;
  const uint32_t sign = std::signbit(value) ? 1u << format.sign_shift() : 0;
  const uint32_t infinity = format.largest + 1;
  const uint32_t beyond = format.saturates ? format.largest : infinity;
  const double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return sign | beyond;
  if (magnitude == 0) return sign;
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude = [0.5, 1) · 2^exponent
  const int least = 1 - format.bias();
  const int unit = (exponent - 1 > least ? exponent - 1 : least) - format.mantissa_bits;
  // The number in units of its last place: a whole number after rounding.
  const double units = std::nearbyint(std::ldexp(magnitude, -unit));
  // Bits of neighbouring numbers are neighbouring integers, across exponents too.
  const uint64_t bits =
      (static_cast<uint64_t>(unit + format.mantissa_bits - least) << format.mantissa_bits) +
      static_cast<uint64_t>(units);
  return sign | (bits > format.largest ? beyond : static_cast<uint32_t>(bits));
}

}  // namespace flame

#endif
