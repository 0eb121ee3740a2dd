#include "core/tensor/shape.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flame {

Shape::Shape(std::initializer_list<int64_t> sizes)
    : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const int64_t> sizes) {
  const Result<Shape> made = make(sizes);
  assert(made.ok());
  if (made.ok()) *this = *made;
}

Result<Shape> Shape::make(std::span<const int64_t> sizes) {
  if (sizes.size() > kMaxRank) {
    return plugin_error(
        fmt::format("a shape of {} axes; at most {} are possible", sizes.size(), kMaxRank));
  }
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (size < 0) {
      return plugin_error(
          fmt::format("the shape [{}] has a negative size", fmt::join(sizes, ", ")));
    }
    if (size > kMaxElementCount / product) {
      return plugin_error(
          fmt::format("the shape [{}] has more than 2^59 elements", fmt::join(sizes, ", ")));
    }
    product *= std::max<int64_t>(size, 1);
  }
  Shape shape;
  shape.rank_ = sizes.size();
  std::copy(sizes.begin(), sizes.end(), shape.sizes_.begin());
  return shape;
}

int64_t Shape::element_count() const {
  int64_t product = 1;
  for (const int64_t size : *this) product *= size;
  return product;
}

std::string Shape::text() const {
  return fmt::format("[{}]", fmt::join(sizes(), ", "));
}

bool operator==(const Shape &a, const Shape &b) {
  return std::ranges::equal(a.sizes(), b.sizes());
}

std::string TensorType::text() const {
  return std::string(name_of(dtype)) + shape.text();
}

Strides contiguous_strides(const Shape &shape) {
  Strides strides{};
  int64_t product = 1;
  for (size_t axis = shape.rank(); axis-- > 0;) {
    strides[axis] = product;
    product *= std::max<int64_t>(shape[axis], 1);
  }
  return strides;
}

Result<Shape> broadcast(const Shape &a, const Shape &b) {
  const size_t rank = std::max(a.rank(), b.rank());
  std::array<int64_t, kMaxRank> sizes{};
  for (size_t i = 0; i < rank; ++i) {
    const int64_t left = a.back(i);
    const int64_t right = b.back(i);
    if (left != right && left != 1 && right != 1) {
      return plugin_error(
          fmt::format("the shapes {} and {} do not broadcast: {} against {} at axis -{}", a.text(),
                      b.text(), left, right, i + 1));
    }
    sizes[rank - 1 - i] = left == 1 ? right : left;
  }
  return Shape::make({sizes.data(), rank});
}

bool broadcasts_to(const Shape &from, const Shape &to) {
  if (from.rank() > to.rank()) return false;
  for (size_t i = 0; i < from.rank(); ++i) {
    if (from.back(i) != to.back(i) && from.back(i) != 1) return false;
  }
  return true;
}

}  // namespace flame
