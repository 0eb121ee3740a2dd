#include "core/tensor/convert.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/tensor/numbers.h"

namespace flame {
namespace {

// All ones or zero.
uint32_t mask_of(bool condition) {
  return 0u - static_cast<uint32_t>(condition);
}

// By masks instead of branches, so that the compiler makes loops of these that take several elements at
// a time: it takes no choice between two floats apart that could raise a flag.
float f32_of(uint16_t half) {
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  // Moves the exponent, and makes numbers of those that are too small for one.
  const auto finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  // Infinity and NaN keep their last bits.
  const uint32_t special = 0x7f800000 & mask_of(magnitude >= 0x0f800000);
  return std::bit_cast<float>(finite | special | (half & 0x8000u) << 16);
}

uint16_t bf16_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

uint16_t f16_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  const uint32_t is_nan = mask_of(magnitude > 0x7f800000);
  const uint32_t is_large = mask_of(magnitude >= 0x47800000);  // 65536 and more
  const uint32_t is_small = mask_of(magnitude < 0x38800000);   // below 2^-14
  // In units of 2^-24, rounded by an addition.
  const float shifted = std::bit_cast<float>(magnitude & is_small) + 0.5f;
  const uint32_t small = std::bit_cast<uint32_t>(shifted) - 0x3f000000;
  // Carries into the exponent, up to infinity, are right.
  const uint32_t rounded = (magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000) >> 13;
  const uint32_t finite = (small & is_small) | (rounded & ~is_small);
  const uint32_t number = sign | (finite & ~is_large) | (0x7c00 & is_large);
  return static_cast<uint16_t>((number & ~is_nan) | (0x7e00 & is_nan));
}

// 1 if a finite number became the infinity of the narrow type.
uint32_t was_lost(float value, uint16_t bits, uint16_t infinity) {
  const uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7fffffff;
  return static_cast<uint32_t>((bits & 0x7fff) == infinity) &
         static_cast<uint32_t>(magnitude < 0x7f800000);
}

template <typename T>
T load(const std::byte *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void save(T value, std::byte *to) {
  std::memcpy(to, &value, sizeof value);
}

template <typename From, typename To, typename Convert>
void each(std::span<const std::byte> from, std::span<std::byte> to, Convert convert) {
  const size_t count = from.size() / sizeof(From);
  for (size_t i = 0; i < count; ++i) {
    save<To>(convert(load<From>(from.data() + i * sizeof(From))), to.data() + i * sizeof(To));
  }
}

// Each element as a float, exactly; false for types that a float cannot hold.
template <typename To, typename Convert>
bool from_narrow(DType type, std::span<const std::byte> from, std::span<std::byte> to,
                 Convert convert) {
  if (type == DType::kF32) {
    each<float, To>(from, to, convert);
  } else if (type == DType::kBF16) {
    each<uint16_t, To>(from, to, [&](uint16_t bits) {
      return convert(std::bit_cast<float>(uint32_t{bits} << 16));
    });
  } else if (type == DType::kF16) {
    each<uint16_t, To>(from, to, [&](uint16_t bits) { return convert(f32_of(bits)); });
  } else {
    return false;
  }
  return true;
}

bool convert_slowly(DType from_type, std::span<const std::byte> from, DType to_type,
                    std::span<std::byte> to) {
  const auto from_step = static_cast<size_t>(size_bytes(from_type));
  const auto to_step = static_cast<size_t>(size_bytes(to_type));
  bool held = true;
  for (size_t i = 0; i < from.size() / from_step; ++i) {
    const double number = number_at(from_type, from.data() + i * from_step);
    store_number(to_type, number, to.data() + i * to_step);
    held &= !std::isfinite(number) || std::isfinite(number_at(to_type, to.data() + i * to_step));
  }
  return held;
}

}  // namespace

bool convert_elements(DType from_type, std::span<const std::byte> from, DType to_type,
                      std::span<std::byte> to) {
  if (from_type == to_type) {
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
    return true;
  }
  uint32_t lost = 0;  // set by a finite number that became infinite
  bool done = false;
  if (to_type == DType::kF32) {
    done = from_narrow<float>(from_type, from, to, [](float value) { return value; });
  } else if (to_type == DType::kF64) {
    done = from_narrow<double>(from_type, from, to, [](float value) { return double{value}; });
  } else if (to_type == DType::kBF16) {
    done = from_narrow<uint16_t>(from_type, from, to, [&](float value) {
      const uint16_t bits = bf16_of(value);
      lost |= was_lost(value, bits, 0x7f80);
      return bits;
    });
  } else if (to_type == DType::kF16) {
    done = from_narrow<uint16_t>(from_type, from, to, [&](float value) {
      const uint16_t bits = f16_of(value);
      lost |= was_lost(value, bits, 0x7c00);
      return bits;
    });
  }
  return done ? lost == 0 : convert_slowly(from_type, from, to_type, to);
}

}  // namespace flame
