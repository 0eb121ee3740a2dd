// Windows that slide over images: what convolution and pooling have in common.
#pragma once

#include "core/ops/catalogue/op_definition.h"

namespace flame {

// One axis of an image, its padding in front and behind, and the window over it.
struct WindowAxis {
  int64_t size;
  int64_t before;
  int64_t after;
  int64_t window;
  int64_t stride;
  int64_t dilation;

  int64_t span() const { return dilation * (window - 1) + 1; }
  bool fits() const { return size + before + after >= span(); }
  // How many windows there are; only if one fits.
  int64_t count() const { return (size + before + after - span()) / stride + 1; }
};

// "stride", "padding" and "dilation", as attributes of an op that has them.
std::vector<AttributeSpec> window_attributes();
// Checks their lengths and ranges.
Status check_window_attributes(const OpCall &call);
// Those and "groups", then what one op of the convolutions alone has.
std::vector<AttributeSpec> convolution_attributes(std::vector<AttributeSpec> own = {});
// Checks all but its own, and that the first two inputs have one float type and four axes.
Status check_convolution(const OpCall &call);
// Axis 0 is height, 1 is width.
WindowAxis window_axis(const Attributes &attributes, size_t axis, int64_t size, int64_t window);

// The sizes [h, w] of the answer for an image of `height` by `width`; an error if no window fits.
Result<std::array<int64_t, 2>> windowed_size(const OpCall &call, int64_t height, int64_t width,
                                             int64_t window_height, int64_t window_width);

}  // namespace flame
