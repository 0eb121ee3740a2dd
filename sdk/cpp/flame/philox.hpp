// The random numbers of the op `random`, defined to the bit: Philox 4x32-10 (Salmon, Moraes, Dror,
// Shaw, 2011), and what is made of its words. C++17, header only; no function of libm but sqrt,
// which IEEE 754 defines to the bit. Compile without contraction of a·b + c (-ffp-contract=off).
#ifndef FLAME_PHILOX_HPP
#define FLAME_PHILOX_HPP

#include <array>
#include <cmath>
#include <cstdint>

namespace flame {

using PhiloxWords = std::array<uint32_t, 4>;

inline PhiloxWords philox(PhiloxWords counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t left = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t right = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<uint32_t>(right >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(right),
        static_cast<uint32_t>(left >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(left)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// The four words for the elements 4·block … 4·block + 3 of one draw.
inline PhiloxWords random_words(int64_t seed, int64_t counter, uint32_t stream, uint64_t block) {
  const uint64_t key = static_cast<uint64_t>(seed);
  return philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                 static_cast<uint32_t>(static_cast<uint64_t>(counter)), stream},
                {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
}

// In [0, 1), a multiple of 2^-24.
inline double uniform_of(uint32_t word) {
  return (word >> 8) * 0x1p-24;
}

// ln(n · 2^-24) for n from 1 to 2^24, within 2 units of the last place.
inline double log_of_fraction(uint32_t n) {
  int exponent = 0;
  double mantissa = n;
  while (mantissa >= 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  // ln m = 2 artanh(s), s = (m - 1) / (m + 1); |s| < 0.172.
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double z = s * s;
  double sum = 1.0 / 23.0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * z + 1.0 / k;
  return (exponent - 24) * 0.6931471805599453 + 2.0 * s * sum;
}

// cos and sin of 2π · n · 2^-24 for n below 2^24.
inline std::array<double, 2> cos_sin_of_turn(uint32_t n) {
  const uint32_t quarter = (n + (1u << 21)) >> 22;  // the nearest quarter turn, 0 to 4
  const double x = (static_cast<int32_t>(n) - static_cast<int32_t>(quarter << 22)) *
                   3.7450702829239286e-07;  // 2π/2^24
  const double z = x * x;
  double sine = 1.0;
  double cosine = 1.0;
  for (int k = 16; k >= 2; k -= 2) sine = 1.0 - z / (k * (k + 1)) * sine;
  for (int k = 17; k >= 1; k -= 2) cosine = 1.0 - z / (k * (k + 1)) * cosine;
  sine = x * sine;
  switch (quarter & 3u) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

// Two normal numbers of two words (Box and Muller).
inline std::array<double, 2> normal_pair(uint32_t first, uint32_t second) {
  const double radius = std::sqrt(-2.0 * log_of_fraction((first >> 8) + 1));
  const auto [cosine, sine] = cos_sin_of_turn(second >> 8);
  return {radius * cosine, radius * sine};
}

}  // namespace flame

#endif
