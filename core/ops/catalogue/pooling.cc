#include "core/ops/catalogue/pooling.h"

#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"
#include "core/ops/catalogue/window.h"

namespace flame {

std::vector<AttributeSpec> pooling_attributes() {
  using Ints = std::vector<int64_t>;
  return {{"kind", AttributeKind::kString, std::nullopt, "\"max\" or \"average\""},
          {"window", AttributeKind::kInts, Ints{}, "height and width; absent with output_size"},
          {"stride", AttributeKind::kInts, Ints{}, "down and across; absent: the window"},
          {"padding", AttributeKind::kInts, Ints{0, 0, 0, 0},
           "top, bottom, left, right; less than the window"},
          {"count_include_pad", AttributeKind::kBool, false,
           "an average divides by the whole window's count"},
          {"output_size", AttributeKind::kInts, Ints{},
           "adaptive pooling: h' and w'; absent: by window"}};
}

Result<std::array<int64_t, 2>> pooled_size(OpCall &call, int64_t height, int64_t width) {
  FLAME_TRY(expect_choice(call, "kind", {"max", "average"}));
  const std::vector<int64_t> window = call.attributes.integers("window");
  const std::vector<int64_t> padding = call.attributes.integers("padding");
  const std::vector<int64_t> output = call.attributes.integers("output_size");
  if (height < 1 || width < 1)
    return plugin_error("the image is empty, expected at least one row and column");
  if (!output.empty()) {
    FLAME_TRY(expect_length(call, "output_size", 2));
    FLAME_TRY(expect_range(call, "output_size", 1, int64_t{1} << 28));
    const bool plain = window.empty() && call.attributes.integers("stride").empty() &&
                       padding == std::vector<int64_t>(4);
    if (!plain)
      return attribute_error("output_size", output, "no window, stride or padding beside it");
    return std::array<int64_t, 2>{output[0], output[1]};
  }
  FLAME_TRY(expect_length(call, "window", 2));
  FLAME_TRY(expect_range(call, "window", 1, int64_t{1} << 28));
  if (call.attributes.integers("stride").empty()) call.attributes.set("stride", window);
  OpCall windowed = call;
  windowed.attributes.set("dilation", std::vector<int64_t>{1, 1});
  FLAME_TRY(check_window_attributes(windowed));
  for (size_t side = 0; side < 4; ++side) {
    if (padding[side] >= window[side / 2])
      return attribute_error("padding", padding, "less than the window on every side");
  }
  return windowed_size(windowed, height, width, window[0], window[1]);
}

}  // namespace flame
