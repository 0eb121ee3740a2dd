// The places that windows over an image meet.
#pragma once

#include <vector>

#include "backends/reference/elements.h"

namespace flame::reference {

// The attributes of a convolution.
struct Convolution {
  Index stride;
  Index padding;
  Index dilation;
  int64_t groups;

  explicit Convolution(const flame_op &op)
      : stride(list_attribute(op, "stride")),
        padding(list_attribute(op, "padding")),
        dilation(list_attribute(op, "dilation")),
        groups(integer_attribute(op, "groups")) {}
  int64_t row(int64_t i, int64_t r) const { return i * stride[0] - padding[0] + r * dilation[0]; }
  int64_t column(int64_t j, int64_t s) const {
    return j * stride[1] - padding[2] + s * dilation[1];
  }
};

// Calls body(x_index, weight_index, y_index) for every product of a convolution of x with weight
// that goes into y; the index of x lies inside the image.
template <typename Body>
void for_each_product(const Convolution &convolution, const flame_tensor &x,
                      const flame_tensor &weight, const flame_tensor &y, const Body &body) {
  const int64_t outputs_per_group = weight.shape[0] / convolution.groups;
  for_each_index(y, [&](const Index &out) {
    for (int64_t r = 0; r < weight.shape[1]; ++r) {
      for (int64_t s = 0; s < weight.shape[2]; ++s) {
        const int64_t row = convolution.row(out[1], r);
        const int64_t column = convolution.column(out[2], s);
        if (row < 0 || row >= x.shape[1] || column < 0 || column >= x.shape[2]) continue;
        const int64_t first = out[3] / outputs_per_group * weight.shape[3];
        for (int64_t c = 0; c < weight.shape[3]; ++c) {
          body(Index{out[0], row, column, first + c}, Index{out[3], r, s, c}, out);
        }
      }
    }
  });
}

// A tensor of doubles to sum in, for each element of another.
class Sums {
 public:
  explicit Sums(const flame_tensor &tensor)
      : tensor_(tensor), sums_(static_cast<size_t>(element_count(tensor)), 0.0) {}
  double &at(const Index &index) {
    int64_t place = 0;
    for (uint32_t axis = 0; axis < tensor_.rank; ++axis)
      place = place * tensor_.shape[axis] + index[axis];
    return sums_[static_cast<size_t>(place)];
  }
  void store_all() {
    for_each_index(tensor_,
                   [&](const Index &index) { store(tensor_, index, element_of(at(index))); });
  }

 private:
  const flame_tensor &tensor_;
  std::vector<double> sums_;
};

// The window of one output of a pooling, cut to the image: rows [top, bottom), columns [left,
// right).
struct PoolWindow {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;
  double divisor;  // of an average
};
PoolWindow pool_window(const flame_op &op, const flame_tensor &image, const flame_tensor &pooled,
                       const Index &out);

// Where the maximum of x over the window stands: the first NaN, else the first of the largest.
Index place_of_maximum(const flame_tensor &x, const PoolWindow &window, const Index &out);

}  // namespace flame::reference
