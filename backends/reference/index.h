// The index of an element: one number for each axis.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "flame/tensor.h"

namespace flame::reference {

// A short list of numbers, at most FLAME_MAX_RANK, that lives without the heap: kernels make
// several for every element. The functions are those of std::vector, where it has them.
class Index {
 public:
  Index() = default;
  explicit Index(size_t size) : size_(size) {}  // zeros
  Index(std::initializer_list<int64_t> values) { append(values.begin(), values.end()); }
  Index(const int64_t *first, const int64_t *last) { append(first, last); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t &operator[](size_t axis) { return values_[axis]; }
  int64_t operator[](size_t axis) const { return values_[axis]; }
  const int64_t *begin() const { return values_; }
  const int64_t *end() const { return values_ + size_; }

  void push_back(int64_t value) { values_[size_++] = value; }
  void append(const int64_t *first, const int64_t *last) {
    while (first != last) push_back(*first++);
  }
  // Puts `value` in front of that axis.
  void insert(size_t axis, int64_t value) {
    std::copy_backward(values_ + axis, values_ + size_, values_ + size_ + 1);
    values_[axis] = value;
    ++size_;
  }

 private:
  int64_t values_[FLAME_MAX_RANK] = {};
  size_t size_ = 0;
};

}  // namespace flame::reference
