#include "backends/onednn/convert.h"

#include <algorithm>
#include <cstring>

#include "flame/tensor.hpp"

namespace flame::onednn {
namespace {

uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float bf16_to_float(uint16_t from) {
  return float_of(uint32_t{from} << 16);
}

uint16_t float_to_bf16(float from) {
  const uint32_t bits = bits_of(from);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return static_cast<uint16_t>(from != from ? 0x7fc0u : rounded);
}

// The exponent is brought to f32's by a product, which also makes subnormal numbers right.
float f16_to_float(uint16_t from) {
  const uint32_t magnitude = from & 0x7fffu;
  const float finite = float_of(magnitude << 13) * 0x1p112f;
  const uint32_t special = magnitude << 13 | 0x7f800000u;  // infinity and NaN
  const uint32_t bits = magnitude >= 0x7c00u ? special : bits_of(finite);
  return float_of(bits | (from & 0x8000u) << 16);
}

uint16_t float_to_f16(float from) {
  const uint32_t bits = bits_of(from);
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Normal numbers: the exponent's bias changes, the mantissa is rounded at bit 13.
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  // Subnormal ones: adding 0.5 puts their last place at the last place of the sum.
  const uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
  uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;
  half = magnitude > 0x7f800000u ? 0x7e00u : half;
  return static_cast<uint16_t>(half | (magnitude > 0x7f800000u ? 0u : bits >> 16 & 0x8000u));
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void bf16_to_floats(
    const uint16_t *from, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i) to[i] = bf16_to_float(from[i]);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void f16_to_floats(
    const uint16_t *from, int64_t count, float *to) {
  for (int64_t i = 0; i < count; ++i) to[i] = f16_to_float(from[i]);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void floats_to_bf16(
    const float *from, int64_t count, uint16_t *to) {
  for (int64_t i = 0; i < count; ++i) to[i] = float_to_bf16(from[i]);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void floats_to_f16(
    const float *from, int64_t count, uint16_t *to) {
  for (int64_t i = 0; i < count; ++i) to[i] = float_to_f16(from[i]);
}

constexpr int64_t kBlock = 16384;  // elements: large enough that threads pay

}  // namespace

void to_f32(flame_dtype dtype, const void *from, int64_t count, float *to) {
  const auto *bits = static_cast<const uint16_t *>(from);
  if (dtype == FLAME_DTYPE_BF16) {
    bf16_to_floats(bits, count, to);
  } else if (dtype == FLAME_DTYPE_F16) {
    f16_to_floats(bits, count, to);
  } else if (count > 0) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
  }
}

void from_f32(flame_dtype dtype, const float *from, int64_t count, void *to) {
  auto *bits = static_cast<uint16_t *>(to);
  if (dtype == FLAME_DTYPE_BF16) {
    floats_to_bf16(from, count, bits);
  } else if (dtype == FLAME_DTYPE_F16) {
    floats_to_f16(from, count, bits);
  } else if (count > 0) {
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
  }
}

void to_f32_parallel(flame_dtype dtype, const void *from, int64_t count, float *to) {
  const int64_t bytes = FLAME_DTYPE_BYTES(dtype);
#pragma omp parallel for schedule(static) if (count > kBlock)
  for (int64_t i = 0; i < count; i += kBlock) {
    to_f32(dtype, static_cast<const char *>(from) + i * bytes, std::min(kBlock, count - i), to + i);
  }
}

void from_f32_parallel(flame_dtype dtype, const float *from, int64_t count, void *to) {
  const int64_t bytes = FLAME_DTYPE_BYTES(dtype);
#pragma omp parallel for schedule(static) if (count > kBlock)
  for (int64_t i = 0; i < count; i += kBlock) {
    from_f32(dtype, from + i, std::min(kBlock, count - i), static_cast<char *>(to) + i * bytes);
  }
}

}  // namespace flame::onednn
