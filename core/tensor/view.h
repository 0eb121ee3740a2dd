// How the elements of a tensor lie in a buffer: strides and an offset, without data.
#pragma once

#include <optional>

#include "core/tensor/shape.h"

namespace flame {

// Element i0, i1, … stands at element offset + i0·strides[0] + i1·strides[1] + … of a buffer.
// A view that is made from a right view stays inside the buffer of the first.
struct View {
  Shape shape;
  Strides strides{};
  int64_t offset = 0;

  static View contiguous(const Shape &shape) { return {shape, contiguous_strides(shape), 0}; }

  // Row-major without gaps. Axes of size 1 may have any stride, and a view without elements is
  // always contiguous.
  bool is_contiguous() const;
  // The element's place for indices inside the shape.
  int64_t offset_of(std::span<const int64_t> indices) const;
  // The lowest and the highest element that the view touches; nothing if it has no elements.
  std::optional<std::pair<int64_t, int64_t>> extent() const;

  friend bool operator==(const View &a, const View &b);
};

// How a tensor lies in a buffer, with its element type.
struct TypedView {
  DType dtype = DType::kF32;
  View view;

  static TypedView contiguous(const TensorType &type) {
    return {type.dtype, View::contiguous(type.shape)};
  }
  TensorType type() const { return {dtype, view.shape}; }
  // The bytes of the buffer up to the last element that the view touches.
  uint64_t reach_bytes() const;

  friend bool operator==(const TypedView &, const TypedView &) = default;
};

// `axes` is a permutation of the view's axes: axis i of the answer is axes[i] of the view.
View permute(const View &view, std::span<const int64_t> axes);

// Element i along `axis` is element start + i·step of the view; all of them lie inside it.
View slice(const View &view, size_t axis, int64_t start, int64_t count, int64_t step);

// Repeats by strides of 0; the shape broadcasts to `shape`.
View broadcast_to(const View &view, const Shape &shape);

// The same elements in row-major order under another shape of equal count, or nothing if no strides
// can express it and the elements have to be copied first.
std::optional<View> reshape(const View &view, const Shape &shape);

}  // namespace flame
