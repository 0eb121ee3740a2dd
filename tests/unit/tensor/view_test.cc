// Views: each is compared with the elements that it should show.
#include "core/tensor/view.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace flame {
namespace {

// The offsets of the view's elements in row-major order.
std::vector<int64_t> offsets(const View &view) {
  std::vector<int64_t> places;
  std::vector<int64_t> index(view.shape.rank(), 0);
  for (int64_t n = 0; n < view.shape.element_count(); ++n) {
    places.push_back(view.offset_of(index));
    for (size_t axis = view.shape.rank(); axis-- > 0;) {
      if (++index[axis] < view.shape[axis]) break;
      index[axis] = 0;
    }
  }
  return places;
}

std::vector<int64_t> count_up(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(View, ContiguousCountsUp) {
  EXPECT_EQ(offsets(View::contiguous({2, 3})), count_up(6));
  EXPECT_TRUE(View::contiguous({2, 1, 3}).is_contiguous());
}

TEST(View, SliceTakesStepsForwardsAndBackwards) {
  const View x = View::contiguous({6});
  EXPECT_EQ(offsets(slice(x, 0, 1, 3, 2)), (std::vector<int64_t>{1, 3, 5}));
  EXPECT_EQ(offsets(slice(x, 0, 5, 3, -2)), (std::vector<int64_t>{5, 3, 1}));
  EXPECT_EQ(offsets(slice(slice(x, 0, 5, 6, -1), 0, 1, 2, 3)), (std::vector<int64_t>{4, 1}));
  EXPECT_EQ(slice(x, 0, 6, 0, 1).offset, 0);
}

TEST(View, PermuteAndBroadcastMoveStrides) {
  EXPECT_EQ(offsets(permute(View::contiguous({2, 3}), std::vector<int64_t>{1, 0})),
            (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(offsets(broadcast_to(View::contiguous({2, 1}), {2, 2, 2})),
            (std::vector<int64_t>{0, 0, 1, 1, 0, 0, 1, 1}));
}

TEST(View, ReshapeKeepsTheRowMajorOrderOrAsksForACopy) {
  const std::vector<View> views = {
      View::contiguous({4, 6}),
      slice(View::contiguous({4, 6}), 1, 0, 4, 1),
      slice(View::contiguous({4, 6}), 0, 3, 4, -1),
      permute(View::contiguous({4, 6}), std::vector<int64_t>{1, 0}),
      broadcast_to(View::contiguous({4, 1}), {4, 6}),
      slice(View::contiguous({8, 2, 3}), 0, 0, 4, 2),
      broadcast_to(View::contiguous(Shape()), {4, 6}),
  };
  const std::vector<Shape> shapes = {{24},   {2, 2, 6},    {4, 2, 3}, {2, 12},
                                     {3, 8}, {4, 1, 6, 1}, {6, 4},    {2, 2, 3, 2}};
  int resolved = 0;
  for (const View &view : views) {
    for (const Shape &shape : shapes) {
      if (shape.element_count() != view.shape.element_count()) continue;
      const auto answer = reshape(view, shape);
      if (!answer) continue;
      ++resolved;
      EXPECT_EQ(offsets(*answer), offsets(view)) << view.shape.text() << " to " << shape.text();
    }
  }
  EXPECT_GE(resolved, 29);
  EXPECT_TRUE(reshape(views[1], {2, 2, 4}));
  EXPECT_FALSE(reshape(views[1], {16}));
  EXPECT_FALSE(reshape(views[3], {24}));
}

TEST(View, ReshapeOfNothingAndOfOneElement) {
  EXPECT_EQ(
      reshape(permute(View::contiguous({2, 0, 3}), std::vector<int64_t>{2, 1, 0}), {0, 7})->shape,
      (Shape{0, 7}));
  EXPECT_EQ(reshape(View::contiguous({1, 1}), Shape())->shape, Shape());
  EXPECT_TRUE(reshape(View::contiguous(Shape()), {1, 1, 1}));
}

TEST(View, IndexArithmeticHoldsAbove2To31Elements) {
  const View x = View::contiguous({50000, 2, 50000});
  EXPECT_EQ(x.offset_of(std::vector<int64_t>{49999, 1, 49999}), 4999999999);
  const View turned = permute(slice(x, 0, 49999, 50000, -1), std::vector<int64_t>{2, 1, 0});
  EXPECT_EQ(turned.offset_of(std::vector<int64_t>{49999, 1, 0}), 4999999999);
  EXPECT_EQ(turned.extent(), (std::pair<int64_t, int64_t>{0, 4999999999}));
  EXPECT_EQ(reshape(x, {5000000000})->strides[0], 1);
  EXPECT_FALSE(reshape(turned, {5000000000}));
}

TEST(View, ExtentHoldsEveryElement) {
  const View view =
      slice(permute(View::contiguous({4, 6}), std::vector<int64_t>{1, 0}), 0, 5, 3, -2);
  const std::vector<int64_t> places = offsets(view);
  EXPECT_EQ(view.extent()->first, *std::min_element(places.begin(), places.end()));
  EXPECT_EQ(view.extent()->second, *std::max_element(places.begin(), places.end()));
  EXPECT_FALSE(View::contiguous({0}).extent());
}

}  // namespace
}  // namespace flame
