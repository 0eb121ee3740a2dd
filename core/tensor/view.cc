#include "core/tensor/view.h"

#include <algorithm>
#include <vector>

namespace flame {

bool View::is_contiguous() const {
  if (shape.element_count() == 0) return true;
  const Strides expected = contiguous_strides(shape);
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] != 1 && strides[axis] != expected[axis]) return false;
  }
  return true;
}

int64_t View::offset_of(std::span<const int64_t> indices) const {
  int64_t place = offset;
  for (size_t axis = 0; axis < shape.rank(); ++axis) place += indices[axis] * strides[axis];
  return place;
}

std::optional<std::pair<int64_t, int64_t>> View::extent() const {
  if (shape.element_count() == 0) return std::nullopt;
  std::pair<int64_t, int64_t> range{offset, offset};
  for (size_t axis = 0; axis < shape.rank(); ++axis) {
    const int64_t reach = (shape[axis] - 1) * strides[axis];
    (reach < 0 ? range.first : range.second) += reach;
  }
  return range;
}

bool operator==(const View &a, const View &b) {
  return a.shape == b.shape && a.offset == b.offset &&
         std::equal(a.strides.begin(), a.strides.begin() + a.shape.rank(), b.strides.begin());
}

uint64_t TypedView::reach_bytes() const {
  const auto touched = view.extent();
  return touched ? static_cast<uint64_t>((touched->second + 1) * size_bytes(dtype)) : 0;
}

View permute(const View &view, std::span<const int64_t> axes) {
  std::array<int64_t, kMaxRank> sizes{};
  View result;
  result.offset = view.offset;
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t from = static_cast<size_t>(axes[i]);
    sizes[i] = view.shape[from];
    result.strides[i] = view.strides[from];
  }
  result.shape = Shape(std::span<const int64_t>(sizes.data(), axes.size()));
  return result;
}

View slice(const View &view, size_t axis, int64_t start, int64_t count, int64_t step) {
  std::array<int64_t, kMaxRank> sizes{};
  std::copy(view.shape.begin(), view.shape.end(), sizes.begin());
  sizes[axis] = count;
  View result = view;
  result.shape = Shape(std::span<const int64_t>(sizes.data(), view.shape.rank()));
  // An empty slice may start one past the end and keeps the offset inside; so does one element.
  if (count > 0) result.offset += start * view.strides[axis];
  result.strides[axis] = count > 1 ? view.strides[axis] * step : view.strides[axis];
  return result;
}

View broadcast_to(const View &view, const Shape &shape) {
  View result{shape, {}, view.offset};
  const size_t added = shape.rank() - view.shape.rank();
  for (size_t axis = added; axis < shape.rank(); ++axis) {
    const bool repeated = view.shape[axis - added] == 1 && shape[axis] != 1;
    result.strides[axis] = repeated ? 0 : view.strides[axis - added];
  }
  return result;
}

namespace {

// A run of neighbouring axes that together walk the buffer with one stride.
struct Run {
  int64_t count;
  int64_t stride;  // of the innermost axis
};

// The view's axes without those of size 1, joined as far as their strides allow, outermost first.
std::vector<Run> runs_of(const View &view) {
  std::vector<Run> runs;
  for (size_t axis = 0; axis < view.shape.rank(); ++axis) {
    const int64_t size = view.shape[axis];
    const int64_t stride = view.strides[axis];
    if (size == 1) continue;
    if (!runs.empty() && runs.back().stride == stride * size) {
      runs.back() = {runs.back().count * size, stride};
    } else {
      runs.push_back({size, stride});
    }
  }
  return runs;
}

}  // namespace

std::optional<View> reshape(const View &view, const Shape &shape) {
  if (shape.element_count() == 0) return View{shape, contiguous_strides(shape), view.offset};
  View result{shape, {}, view.offset};
  std::vector<Run> runs = runs_of(view);
  // From the innermost axis outwards, each new axis takes its part of the innermost run left.
  int64_t stride = 1;
  for (size_t axis = shape.rank(); axis-- > 0;) {
    const int64_t size = shape[axis];
    if (size != 1) {
      while (!runs.empty() && runs.back().count == 1) runs.pop_back();
      if (runs.empty() || runs.back().count % size != 0) return std::nullopt;
      stride = runs.back().stride;
      runs.back().count /= size;
      runs.back().stride *= size;
    }
    result.strides[axis] = stride;
  }
  return result;
}

}  // namespace flame
