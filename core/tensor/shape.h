// The sizes of a tensor: at most eight, each 64 bits wide, with products that cannot overflow.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "core/base/result.h"
#include "core/tensor/dtype.h"

namespace flame {

inline constexpr size_t kMaxRank = FLAME_MAX_RANK;
// More elements than this cannot be: with 8 bytes each, every offset still fits int64_t.
inline constexpr int64_t kMaxElementCount = int64_t{1} << 59;

// A value, without memory of its own. Sizes are never negative, and the product of those that are
// not 0 is at most kMaxElementCount; so counts and contiguous strides need no further check.
class Shape {
 public:
  Shape() = default;  // of a scalar
  // For shapes that are known to be right; asserts. Use make() for what comes from outside.
  Shape(std::initializer_list<int64_t> sizes);
  explicit Shape(std::span<const int64_t> sizes);

  static Result<Shape> make(std::span<const int64_t> sizes);

  size_t rank() const { return rank_; }
  int64_t operator[](size_t axis) const { return assert(axis < kMaxRank), sizes_[axis]; }
  // Counted from the end: back(0) is the last size. Axes before the first have size 1.
  int64_t back(size_t axis) const { return axis < rank_ ? sizes_[rank_ - 1 - axis] : 1; }
  std::span<const int64_t> sizes() const { return {sizes_.data(), rank_}; }
  const int64_t *begin() const { return sizes_.data(); }
  const int64_t *end() const { return sizes_.data() + rank_; }

  int64_t element_count() const;
  // "[2, 3]"; "[]" for a scalar.
  std::string text() const;

  friend bool operator==(const Shape &a, const Shape &b);

 private:
  std::array<int64_t, kMaxRank> sizes_{};
  size_t rank_ = 0;
};

// The element type and shape of a value.
struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;

  int64_t size_bytes() const { return shape.element_count() * flame::size_bytes(dtype); }
  // "f32[2, 3]"
  std::string text() const;
  friend bool operator==(const TensorType &, const TensorType &) = default;
};

using Strides = std::array<int64_t, kMaxRank>;

// Row-major, in elements. An axis of size 0 counts as 1, so that strides never vanish.
Strides contiguous_strides(const Shape &shape);

// The shape both broadcast to: aligned at the last axis, sizes equal or 1.
Result<Shape> broadcast(const Shape &a, const Shape &b);
bool broadcasts_to(const Shape &from, const Shape &to);

}  // namespace flame
