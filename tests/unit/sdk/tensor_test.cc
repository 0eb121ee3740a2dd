#include "flame/tensor.hpp"

#include <gmock/gmock.h>

namespace {

using testing::ElementsAre;

// 0, 1, 2, … seen through any shape and strides.
struct Numbers {
  Numbers(flame::Shape sizes, flame::Shape steps, uint64_t first = 0)
      : shape(std::move(sizes)), strides(std::move(steps)) {
    for (int i = 0; i < 24; ++i) elements.push_back(static_cast<float>(i));
    tensor.dtype = FLAME_DTYPE_F32;
    tensor.rank = static_cast<uint32_t>(shape.size());
    tensor.shape = shape.data();
    tensor.strides = strides.data();
    tensor.data = elements.data();
    tensor.byte_offset = first * sizeof(float);
    tensor.buffer_size = elements.size() * sizeof(float);
  }
  std::vector<float> walk() const {
    const flame::TensorView<const float> view(tensor);
    return {view.begin(), view.end()};
  }
  flame::Shape shape, strides;
  std::vector<float> elements;
  flame_tensor tensor = {};
};

TEST(TensorView, WalksTheLastAxisQuickest) {
  EXPECT_THAT(Numbers({2, 3}, {3, 1}).walk(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(TensorView, FollowsTransposedStrides) {
  EXPECT_THAT(Numbers({3, 2}, {1, 3}).walk(), ElementsAre(0, 3, 1, 4, 2, 5));
}

TEST(TensorView, FollowsNegativeStridesAndTheByteOffset) {
  EXPECT_THAT(Numbers({2, 2}, {2, -1}, 1).walk(), ElementsAre(1, 0, 3, 2));
}

TEST(TensorView, RepeatsWithAStrideOfZero) {
  EXPECT_THAT(Numbers({2, 2}, {0, 1}).walk(), ElementsAre(0, 1, 0, 1));
}

TEST(TensorView, HasOneElementForAScalar) {
  EXPECT_THAT(Numbers({}, {}, 5).walk(), ElementsAre(5));
}

TEST(TensorView, IsEmptyWhereASizeIsZero) {
  EXPECT_THAT(Numbers({3, 0, 2}, {2, 2, 1}).walk(), ElementsAre());
}

TEST(TensorView, FindsAnElementByItsIndex) {
  const Numbers numbers({2, 3, 2}, {1, 4, 2}, 1);
  EXPECT_EQ(flame::TensorView<const float>(numbers.tensor)(1, 2, 1), 1 + 1 + 8 + 2);
}

TEST(TensorView, RefusesAnotherType) {
  EXPECT_THROW(flame::TensorView<double>(Numbers({2}, {1}).tensor), flame::Error);
}

TEST(TensorView, RefusesMemoryOfAnotherDevice) {
  Numbers numbers({2}, {1});
  numbers.tensor.device = 3;
  EXPECT_THROW(flame::TensorView<float>{numbers.tensor}, flame::Error);
}

TEST(Tensors, AreContiguousWhateverTheStrideOfASizeOne) {
  EXPECT_TRUE(flame::is_contiguous(Numbers({2, 1, 3}, {3, 77, 1}).tensor));
  EXPECT_FALSE(flame::is_contiguous(Numbers({3, 2}, {1, 3}).tensor));
  EXPECT_TRUE(flame::is_contiguous(Numbers({}, {}).tensor));
}

TEST(Tensors, AreWrittenWithTypeAndShape) {
  EXPECT_EQ(flame::to_text(Numbers({2, 3}, {3, 1}).tensor), "f32[2, 3]");
}

}  // namespace
