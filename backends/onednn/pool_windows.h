// The windows of a pooling, cut to the image.
#pragma once

#include <vector>

#include "flame/backend.hpp"

namespace flame::onednn {

// [begin, end)
struct Span {
  int64_t begin;
  int64_t end;
  int64_t size() const { return end - begin; }
};

struct PoolWindows {
  // By the attributes of pool2d or pool2d_grad.
  PoolWindows(const flame::Op &op, const flame_tensor &image, const flame_tensor &pooled);

  bool maximum;
  std::vector<Span> rows;     // of the image, for each row of the pooled image
  std::vector<Span> columns;  // likewise
  int64_t whole;              // by how many an average divides; 0: by the window's elements

  double divisor(int64_t i, int64_t j) const {
    const int64_t taken =
        rows[static_cast<size_t>(i)].size() * columns[static_cast<size_t>(j)].size();
    return static_cast<double>(whole == 0 ? taken : whole);
  }
};

// The windows that hold each of `size` places: they are neighbours.
std::vector<Span> windows_of_places(const std::vector<Span> &windows, int64_t size);

}  // namespace flame::onednn
