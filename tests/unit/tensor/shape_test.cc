// Shapes and element types: limits, broadcasting, text.
#include "core/tensor/shape.h"

#include <gmock/gmock.h>

#include <vector>

namespace flame {
namespace {

using testing::HasSubstr;

TEST(DType, NamesAndNumbersLeadBackToTheType) {
  for (const DType dtype : all_dtypes()) {
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
    EXPECT_EQ(dtype_from_abi(to_abi(dtype)), dtype);
  }
  EXPECT_FALSE(dtype_from_name("float32"));
  EXPECT_FALSE(dtype_from_abi(0));
  EXPECT_FALSE(dtype_from_abi(0x0120u << 16));
}

TEST(DType, SizesAreThoseOfTheNumbers) {
  EXPECT_EQ(size_bytes(DType::kF64), 8);
  EXPECT_EQ(size_bytes(DType::kBF16), 2);
  EXPECT_EQ(size_bytes(DType::kF8E4M3), 1);
  EXPECT_EQ(size_bytes(DType::kBool), 1);
}

TEST(DType, TwoNarrowFloatsJoinInF32) {
  EXPECT_EQ(promote_floats(DType::kBF16, DType::kBF16), DType::kBF16);
  EXPECT_EQ(promote_floats(DType::kBF16, DType::kF16), DType::kF32);
  EXPECT_EQ(promote_floats(DType::kF16, DType::kF64), DType::kF64);
}

TEST(Shape, OfAScalarHasOneElement) {
  EXPECT_EQ(Shape().element_count(), 1);
  EXPECT_EQ(Shape().text(), "[]");
}

TEST(Shape, WithAZeroHasNoElements) {
  EXPECT_EQ((Shape{3, 0, 5}.element_count()), 0);
}

TEST(Shape, CountsMoreThan2To31Elements) {
  const Shape shape{70000, 70000, 3};
  EXPECT_EQ(shape.element_count(), 14700000000);
  EXPECT_EQ(contiguous_strides(shape)[0], 210000);
  EXPECT_EQ((TensorType{DType::kF64, shape}.size_bytes()), 117600000000);
}

TEST(Shape, RefusesWhatCannotBe) {
  const auto error = [](std::vector<int64_t> sizes) { return Shape::make(sizes).error().what; };
  EXPECT_THAT(error({2, -1}), HasSubstr("[2, -1]"));
  EXPECT_THAT(error({1, 1, 1, 1, 1, 1, 1, 1, 1}), HasSubstr("9 axes"));
  EXPECT_THAT(error({INT64_MAX, INT64_MAX}), HasSubstr("2^59"));
  EXPECT_THAT(error({0, INT64_MAX, INT64_MAX}), HasSubstr("2^59"));
  EXPECT_THAT(error({int64_t{1} << 30, int64_t{1} << 30}), HasSubstr("2^59"));
}

TEST(Shape, BroadcastsAtTheLastAxis) {
  EXPECT_EQ(*broadcast({2, 1, 3}, {4, 1}), (Shape{2, 4, 3}));
  EXPECT_EQ(*broadcast(Shape(), {0, 3}), (Shape{0, 3}));
  EXPECT_EQ(*broadcast({1, 3}, {0, 1}), (Shape{0, 3}));
  EXPECT_THAT(broadcast({2, 3}, {2, 4}).error().what, HasSubstr("3 against 4 at axis -1"));
  EXPECT_FALSE(broadcast({int64_t{1} << 40, 1}, {1, int64_t{1} << 40}).ok());
  EXPECT_TRUE(broadcasts_to({1, 3}, {5, 2, 3}));
  EXPECT_FALSE(broadcasts_to({2, 3}, {3}));
  EXPECT_FALSE(broadcasts_to({2}, {1}));
}

}  // namespace
}  // namespace flame
