#include "core/ops/catalogue/window.h"

#include <fmt/core.h>

#include <iterator>

#include "core/ops/catalogue/checks.h"

namespace flame {
namespace {

// No image is larger; products of two such numbers and sums of three fit easily.
constexpr int64_t kMaxWindowNumber = int64_t{1} << 28;

}  // namespace

std::vector<AttributeSpec> window_attributes() {
  return {
      {"stride", AttributeKind::kInts, std::vector<int64_t>{1, 1}, "down and across; at least 1"},
      {"padding", AttributeKind::kInts, std::vector<int64_t>{0, 0, 0, 0},
       "top, bottom, left, right; at least 0"},
      {"dilation", AttributeKind::kInts, std::vector<int64_t>{1, 1},
       "the distance of neighbours in the window, down and across; at least 1"}};
}

Status check_window_attributes(const OpCall &call) {
  FLAME_TRY(expect_length(call, "stride", 2));
  FLAME_TRY(expect_range(call, "stride", 1, kMaxWindowNumber));
  FLAME_TRY(expect_length(call, "padding", 4));
  FLAME_TRY(expect_range(call, "padding", 0, kMaxWindowNumber));
  FLAME_TRY(expect_length(call, "dilation", 2));
  return expect_range(call, "dilation", 1, kMaxWindowNumber);
}

std::vector<AttributeSpec> convolution_attributes(std::vector<AttributeSpec> own) {
  std::vector<AttributeSpec> all = window_attributes();
  all.push_back({"groups", AttributeKind::kInt, int64_t{1}, "divides the channels on both sides"});
  std::move(own.begin(), own.end(), std::back_inserter(all));
  return all;
}

Status check_convolution(const OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_rank(call, 0, 4));
  FLAME_TRY(expect_rank(call, 1, 4));
  FLAME_TRY(check_window_attributes(call));
  return expect_range(call, "groups", 1, kMaxElementCount);
}

WindowAxis window_axis(const Attributes &attributes, size_t axis, int64_t size, int64_t window) {
  const std::vector<int64_t> &padding = attributes.integers("padding");
  return {size,
          padding[2 * axis],
          padding[2 * axis + 1],
          window,
          attributes.integers("stride")[axis],
          attributes.integers("dilation")[axis]};
}

Result<std::array<int64_t, 2>> windowed_size(const OpCall &call, int64_t height, int64_t width,
                                             int64_t window_height, int64_t window_width) {
  if (height > kMaxWindowNumber || width > kMaxWindowNumber) {
    return plugin_error(
        fmt::format("the image is {} by {}, at most 2^28 each way is possible", height, width));
  }
  if (window_height < 1 || window_width < 1 || window_height > kMaxWindowNumber ||
      window_width > kMaxWindowNumber) {
    return plugin_error(fmt::format("the window is {} by {}, expected 1 to 2^28 each way",
                                    window_height, window_width));
  }
  const WindowAxis down = window_axis(call.attributes, 0, height, window_height);
  const WindowAxis across = window_axis(call.attributes, 1, width, window_width);
  if (!down.fits() || !across.fits()) {
    return plugin_error(fmt::format(
        "a window that spans {} by {} does not fit an image of {} by {} with its padding",
        down.span(), across.span(), height, width));
  }
  return std::array<int64_t, 2>{down.count(), across.count()};
}

}  // namespace flame
