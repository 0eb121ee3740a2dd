// Whole tensors from type to type: the same numbers, to the bit, as one by one.
#include "core/tensor/convert.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/tensor/numbers.h"

namespace flame {
namespace {

// Random bits, every f16, and what stands around the edges of the narrow types.
std::vector<std::byte> samples(DType type) {
  std::vector<std::byte> bytes;
  const auto add = [&](const auto &value) {
    const auto *begin = reinterpret_cast<const std::byte *>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof value);
  };
  std::mt19937_64 random(11);
  for (uint32_t i = 0; i < 65536; ++i) {
    if (size_bytes(type) == 2) add(static_cast<uint16_t>(i));
    if (size_bytes(type) == 4) add(static_cast<uint32_t>(random()));
    if (size_bytes(type) == 8) add(static_cast<double>(i) * 0x1p-26 - 3e-5);
  }
  if (type != DType::kF32) return bytes;
  for (const float edge : {0.0f, -0.0f, 65504.0f, 65519.99f, 65520.0f, 65536.0f, 0x1p-14f, 0x1p-24f,
                           0x1p-25f, 0x1.8p-25f, 3.4e38f, 1e-40f, 6.1e-5f, 1.0009765625f,
                           std::numeric_limits<float>::infinity()}) {
    add(edge);
    add(-edge);
    for (uint32_t i = 0; i < 64; ++i) {
      uint32_t bits;
      std::memcpy(&bits, &edge, sizeof bits);
      add(bits + i * 0x400);
    }
  }
  return bytes;
}

TEST(Convert, GivesTheNumbersThatStoringOneByOneGives) {
  const DType types[] = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16};
  for (const DType from : types) {
    const std::vector<std::byte> given = samples(from);
    const auto step = static_cast<size_t>(size_bytes(from));
    for (const DType to : types) {
      const auto wide = static_cast<size_t>(size_bytes(to));
      std::vector<std::byte> made(given.size() / step * wide), one(wide);
      convert_elements(from, given, to, made);
      if (from == to) continue;
      for (size_t i = 0; i < given.size() / step; ++i) {
        const double number = number_at(from, given.data() + i * step);
        store_number(to, number, one.data());
        const double seen = number_at(to, made.data() + i * wide);
        const double expected = number_at(to, one.data());
        ASSERT_TRUE(seen == expected || (seen != seen && expected != expected))
            << name_of(from) << " to " << name_of(to) << ": " << number << " gave " << seen;
      }
    }
  }
}

TEST(Convert, SaysWhenATypeCannotHoldANumber) {
  const float values[] = {1, 70000};
  std::vector<std::byte> to(4);
  EXPECT_FALSE(convert_elements(DType::kF32, std::as_bytes(std::span(values)), DType::kF16, to));
  EXPECT_TRUE(convert_elements(DType::kF32, std::as_bytes(std::span(values)), DType::kBF16, to));
  const float infinite[] = {1, std::numeric_limits<float>::infinity()};
  EXPECT_TRUE(convert_elements(DType::kF32, std::as_bytes(std::span(infinite)), DType::kF16, to));
}

}  // namespace
}  // namespace flame
