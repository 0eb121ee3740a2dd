#include "backends/onednn/loop_nest.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace flame::onednn {

Sizes broadcast_strides(const flame_tensor &tensor, const Sizes &shape) {
  Sizes strides(shape.size(), 0);
  const size_t skipped = shape.size() - tensor.rank;
  for (uint32_t axis = 0; axis < tensor.rank; ++axis) {
    if (tensor.shape[axis] != 1) strides[skipped + axis] = tensor.strides[axis];
  }
  return strides;
}

LoopNest::LoopNest(const Sizes &shape, const std::vector<Sizes> &strides, int64_t most) {
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    element_count_ *= shape[axis];
    if (shape[axis] == 1) continue;
    Axis &made = axes_.emplace_back();
    made.size = shape[axis];
    for (const Sizes &of_tensor : strides) made.strides.push_back(of_tensor[axis]);
  }
  sort_axes();
  merge_axes();
  while (axes_.size() < 2) axes_.insert(axes_.begin(), Axis{1, Sizes(strides.size(), 0)});
  Axis &rows = axes_[axes_.size() - 2];
  Axis &columns = axes_.back();
  if (!make_tiles(most)) {
    columns.step = std::clamp<int64_t>(columns.size, 1, most);
    rows.step = std::clamp<int64_t>(most / columns.step, 1, std::max<int64_t>(rows.size, 1));
  }
  for (const Axis &axis : axes_) block_count_ *= axis.steps();
}

void LoopNest::sort_axes() {
  std::stable_sort(axes_.begin(), axes_.end(), [](const Axis &a, const Axis &b) {
    if (a.strides.empty()) return false;
    return std::abs(a.strides[0]) > std::abs(b.strides[0]);
  });
}

void LoopNest::merge_axes() {
  for (size_t axis = axes_.size(); axis-- > 1;) {
    Axis &outer = axes_[axis - 1];
    const Axis &inner = axes_[axis];
    bool fits = true;
    for (size_t tensor = 0; tensor < inner.strides.size(); ++tensor)
      fits = fits && outer.strides[tensor] == inner.strides[tensor] * inner.size;
    if (!fits) continue;
    outer.size *= inner.size;
    outer.strides = inner.strides;
    axes_.erase(axes_.begin() + static_cast<int64_t>(axis));
  }
}

// A tensor whose neighbours lie along another axis than the columns is read in squares, so that
// what a cache line brings is used. False if there is none.
bool LoopNest::make_tiles(int64_t most) {
  const size_t last = axes_.size() - 1;
  for (size_t tensor = 1; tensor < axes_[last].strides.size(); ++tensor) {
    if (std::abs(axes_[last].strides[tensor]) < 2) continue;
    for (size_t axis = 0; axis < last; ++axis) {
      if (axes_[axis].strides[tensor] != 1) continue;
      std::rotate(axes_.begin() + static_cast<int64_t>(axis),
                  axes_.begin() + static_cast<int64_t>(axis) + 1,
                  axes_.begin() + static_cast<int64_t>(last));
      const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(most)));
      Axis &columns = axes_[last];
      Axis &rows = axes_[last - 1];
      columns.step = std::clamp<int64_t>(columns.size, 1, most / std::min(rows.size, side));
      rows.step = std::clamp<int64_t>(rows.size, 1, most / columns.step);
      return true;
    }
  }
  return false;
}

LoopNest::Block LoopNest::block(int64_t number) const {
  Block block{};
  if (element_count_ == 0) return block;
  for (size_t axis = axes_.size(); axis-- > 0;) {
    block.index[axis] = number % axes_[axis].steps() * axes_[axis].step;
    number /= axes_[axis].steps();
  }
  const size_t last = axes_.size() - 1;
  const auto taken = [&](size_t axis) {
    return std::min(axes_[axis].step, axes_[axis].size - block.index[axis]);
  };
  block.rows = taken(last - 1);
  block.columns = taken(last);
  return block;
}

int64_t LoopNest::offset(const Block &block, size_t tensor) const {
  int64_t offset = 0;
  for (size_t axis = 0; axis < axes_.size(); ++axis)
    offset += block.index[axis] * axes_[axis].strides[tensor];
  return offset;
}

}  // namespace flame::onednn
