#include "core/tensor/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace flame {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double stored(DType dtype, double number) {
  std::byte bytes[8];
  store_number(dtype, number, bytes);
  return number_at(dtype, bytes);
}

TEST(Numbers, SmallWholeNumbersComeBackInEveryType) {
  for (const DType dtype : all_dtypes()) {
    const std::vector<double> numbers{0, 1, 1, 0};
    const HostTensor tensor = tensor_of({dtype, {2, 2}}, numbers);
    EXPECT_EQ(tensor.bytes.size(), static_cast<size_t>(tensor.type.size_bytes()));
    EXPECT_EQ(numbers_of(tensor), numbers) << name_of(dtype);
  }
}

TEST(Numbers, FloatsAreRoundedToNearestAndOverflowAsMapStores) {
  EXPECT_EQ(stored(DType::kBF16, 1.00390625), 1.0) << "half to even";
  EXPECT_EQ(stored(DType::kBF16, 1.01171875), 1.015625) << "half to even, upwards";
  EXPECT_EQ(stored(DType::kF16, 65520), kInfinity);
  EXPECT_EQ(stored(DType::kF16, 0x1p-25), 0);
  EXPECT_EQ(stored(DType::kF8E4M3, 1000), 448);
  EXPECT_EQ(stored(DType::kF8E5M2, -kInfinity), -57344);
  EXPECT_TRUE(std::isnan(stored(DType::kF32, std::nan(""))));
  EXPECT_TRUE(std::signbit(stored(DType::kBF16, -0.0)));
}

TEST(Numbers, IntegersAreTruncatedAndStayInTheirRange) {
  EXPECT_EQ(stored(DType::kI32, -2.9), -2);
  EXPECT_EQ(stored(DType::kI32, 1e30), 2147483647);
  EXPECT_EQ(stored(DType::kI64, -1e30), -0x1p63);
  EXPECT_EQ(stored(DType::kU8, -1), 0);
  EXPECT_EQ(stored(DType::kU8, 300), 255);
  EXPECT_EQ(stored(DType::kI32, std::nan("")), 0);
  EXPECT_EQ(stored(DType::kBool, 0.5), 1);
}

}  // namespace
}  // namespace flame
