// Tensors in the processor's memory: names of element types, shapes, and views that walk strides.
#pragma once

#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "flame/error.hpp"
#include "flame/tensor.h"

namespace flame {
inline namespace sdk {

using Shape = std::vector<int64_t>;

// "f32", "bf16", … as messages and docs write it.
inline std::string_view dtype_name(flame_dtype dtype) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return "f64";
    case FLAME_DTYPE_F32:
      return "f32";
    case FLAME_DTYPE_F16:
      return "f16";
    case FLAME_DTYPE_BF16:
      return "bf16";
    case FLAME_DTYPE_F8_E4M3:
      return "f8_e4m3";
    case FLAME_DTYPE_F8_E5M2:
      return "f8_e5m2";
    case FLAME_DTYPE_I64:
      return "i64";
    case FLAME_DTYPE_I32:
      return "i32";
    case FLAME_DTYPE_U8:
      return "u8";
    case FLAME_DTYPE_BOOL:
      return "bool";
    default:
      return "an unknown element type";
  }
}

inline Shape shape_of(const flame_tensor &tensor) {
  return Shape(tensor.shape, tensor.shape + tensor.rank);
}

// 1 for a scalar.
inline int64_t element_count(const flame_tensor &tensor) {
  int64_t count = 1;
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) count *= tensor.shape[axis];
  return count;
}

// "f32[2, 3]"
inline std::string to_text(const flame_tensor &tensor) {
  std::string out = text(dtype_name(tensor.dtype), "[");
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) {
    out += text(axis == 0 ? "" : ", ", tensor.shape[axis]);
  }
  return out + "]";
}

inline bool same_shape(const flame_tensor &a, const flame_tensor &b) {
  return shape_of(a) == shape_of(b);
}

// True if the elements stand one after the other, the last axis quickest.
inline bool is_contiguous(const flame_tensor &tensor) {
  int64_t expected = 1;
  for (uint32_t axis = tensor.rank; axis-- > 0;) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

namespace detail {

// The element types that a C++ type can stand for.
template <typename Element>
bool holds(flame_dtype dtype) {
  using Plain = std::remove_const_t<Element>;
  if constexpr (std::is_same_v<Plain, double>) return dtype == FLAME_DTYPE_F64;
  if constexpr (std::is_same_v<Plain, float>) return dtype == FLAME_DTYPE_F32;
  if constexpr (std::is_same_v<Plain, int64_t>) return dtype == FLAME_DTYPE_I64;
  if constexpr (std::is_same_v<Plain, int32_t>) return dtype == FLAME_DTYPE_I32;
  if constexpr (std::is_same_v<Plain, uint8_t>) {
    return dtype == FLAME_DTYPE_U8 || dtype == FLAME_DTYPE_BOOL;
  }
  // The bits of the 16-bit formats.
  if constexpr (std::is_same_v<Plain, uint16_t>) {
    return dtype == FLAME_DTYPE_F16 || dtype == FLAME_DTYPE_BF16;
  }
  return false;
}

}  // namespace detail

// The elements of a tensor that the processor can reach, as values of type Element (double, float,
// int64_t, int32_t, uint8_t; uint16_t for the bits of f16 and bf16). Borrows the tensor.
template <typename Element>
class TensorView {
 public:
  explicit TensorView(const flame_tensor &tensor) : tensor_(tensor) {
    if (!detail::holds<Element>(tensor.dtype)) {
      throw invalid_argument("a tensor of type ", dtype_name(tensor.dtype),
                             " was read as another type");
    }
    if (tensor.device != FLAME_DEVICE_CPU) {
      throw invalid_argument("the tensor is on device ", tensor.device,
                             ", whose memory the processor cannot read");
    }
    base_ = reinterpret_cast<Element *>(static_cast<char *>(tensor.data) + tensor.byte_offset);
  }

  uint32_t rank() const { return tensor_.rank; }
  int64_t size(uint32_t axis) const { return tensor_.shape[axis]; }
  int64_t stride(uint32_t axis) const { return tensor_.strides[axis]; }
  int64_t count() const { return element_count(tensor_); }

  // The element at an index; as many numbers as the rank.
  template <typename... Index>
  Element &operator()(Index... index) const {
    const int64_t indices[] = {static_cast<int64_t>(index)..., 0};
    int64_t offset = 0;
    for (size_t axis = 0; axis < sizeof...(index); ++axis) {
      offset += indices[axis] * tensor_.strides[axis];
    }
    return base_[offset];
  }

  // Walks all elements, the last axis quickest, whatever the strides.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::remove_const_t<Element>;
    using difference_type = std::ptrdiff_t;
    using pointer = Element *;
    using reference = Element &;

    Iterator(const TensorView &of, int64_t position) : of_(&of), position_(position) {}

    Element &operator*() const { return of_->base_[offset_]; }
    Iterator &operator++() {
      ++position_;
      for (uint32_t axis = of_->rank(); axis-- > 0;) {
        offset_ += of_->stride(axis);
        if (++index_[axis] < of_->size(axis)) break;
        offset_ -= of_->stride(axis) * of_->size(axis);
        index_[axis] = 0;
      }
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator &other) const { return position_ == other.position_; }
    bool operator!=(const Iterator &other) const { return position_ != other.position_; }

   private:
    const TensorView *of_;
    int64_t position_;
    int64_t offset_ = 0;
    int64_t index_[FLAME_MAX_RANK] = {};
  };

  Iterator begin() const { return Iterator(*this, 0); }
  Iterator end() const { return Iterator(*this, count()); }

 private:
  const flame_tensor &tensor_;
  Element *base_;
};

}  // namespace sdk
}  // namespace flame
