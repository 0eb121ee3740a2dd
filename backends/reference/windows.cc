#include "backends/reference/windows.h"

#include <algorithm>
#include <cmath>

namespace flame::reference {
namespace {

struct Range {
  int64_t begin;
  int64_t end;
};

Range adaptive_range(int64_t i, int64_t size, int64_t count) {
  return {i * size / count, ((i + 1) * size + count - 1) / count};
}

Range cut_range(int64_t start, int64_t window, int64_t size) {
  return {std::max<int64_t>(start, 0), std::min(start + window, size)};
}

}  // namespace

PoolWindow pool_window(const flame_op &op, const flame_tensor &image, const flame_tensor &pooled,
                       const Index &out) {
  const bool adaptive = attribute(op, "output_size").count != 0;
  Range rows{};
  Range columns{};
  double whole = 0;
  if (adaptive) {
    rows = adaptive_range(out[1], image.shape[1], pooled.shape[1]);
    columns = adaptive_range(out[2], image.shape[2], pooled.shape[2]);
  } else {
    const Index window = list_attribute(op, "window");
    const Index stride = list_attribute(op, "stride");
    const Index padding = list_attribute(op, "padding");
    rows = cut_range(out[1] * stride[0] - padding[0], window[0], image.shape[1]);
    columns = cut_range(out[2] * stride[1] - padding[2], window[1], image.shape[2]);
    whole = static_cast<double>(window[0] * window[1]);
  }
  const auto taken = static_cast<double>((rows.end - rows.begin) * (columns.end - columns.begin));
  const bool include_padding = !adaptive && integer_attribute(op, "count_include_pad") != 0;
  return {rows.begin, rows.end, columns.begin, columns.end, include_padding ? whole : taken};
}

Index place_of_maximum(const flame_tensor &x, const PoolWindow &window, const Index &out) {
  Index best;
  double largest = 0;
  for (int64_t row = window.top; row < window.bottom; ++row) {
    for (int64_t column = window.left; column < window.right; ++column) {
      const Index here{out[0], row, column, out[3]};
      const double value = number_at(x, here);
      if (std::isnan(value)) return here;
      if (best.empty() || value > largest) {
        best = here;
        largest = value;
      }
    }
  }
  return best;
}

}  // namespace flame::reference
