// Walking over some axes of several tensors, one index at a time.
#pragma once

#include <cstddef>

#include "flame/tensor.h"

namespace flame::onednn {

// Axes with the strides of up to kTensors tensors, in elements. The last axis added is the quickest.
template <size_t kTensors>
class Axes {
 public:
  struct Axis {
    int64_t size;
    int64_t strides[kTensors];
  };

  // Axes of size 1 are left out. At most FLAME_MAX_RANK · 2 axes.
  void add(const Axis &axis) {
    count_ *= axis.size;
    if (axis.size != 1) axes_[rank_++] = axis;
  }
  int64_t count() const { return count_; }
  // Of the quickest axis; a scalar has one of size 1.
  int64_t last_size() const { return rank_ == 0 ? 1 : axes_[rank_ - 1].size; }
  int64_t last_stride(size_t tensor) const {
    return rank_ == 0 ? 1 : axes_[rank_ - 1].strides[tensor];
  }

  // The place of an index in row-major order, and how to go on from there.
  class Place {
   public:
    Place(const Axes &axes, int64_t number) : axes_(axes) {
      if (axes.count_ == 0) return;
      for (size_t axis = axes.rank_; axis-- > 0;) {
        index_[axis] = number % axes.axes_[axis].size;
        number /= axes.axes_[axis].size;
        move(axis, index_[axis]);
      }
    }
    int64_t offset(size_t tensor) const { return offsets_[tensor]; }
    // Behind the last comes the first.
    void next() {
      for (size_t axis = axes_.rank_; axis-- > 0;) {
        move(axis, 1);
        if (++index_[axis] < axes_.axes_[axis].size) return;
        move(axis, -index_[axis]);
        index_[axis] = 0;
      }
    }

   private:
    void move(size_t axis, int64_t steps) {
      for (size_t tensor = 0; tensor < kTensors; ++tensor)
        offsets_[tensor] += steps * axes_.axes_[axis].strides[tensor];
    }

    const Axes &axes_;
    int64_t index_[2 * FLAME_MAX_RANK] = {};
    int64_t offsets_[kTensors] = {};
  };

 private:
  Axis axes_[2 * FLAME_MAX_RANK];
  size_t rank_ = 0;
  int64_t count_ = 1;
};

}  // namespace flame::onednn
