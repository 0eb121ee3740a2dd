#include "backends/cuda/pooling.h"

namespace flame::cuda {

Definitions pooling_definitions(const flame::Op &op, const flame_tensor &image,
                                const flame_tensor &pooled, const int64_t *x_strides) {
  const flame::Attributes attributes = op.attributes();
  const bool adaptive = !attributes.integers("output_size").empty();
  const auto pair = [&](const char *name) {
    const std::vector<int64_t> values = attributes.integers(name);
    return adaptive || values.size() < 2 ? std::vector<int64_t>{1, 1} : values;
  };
  const std::vector<int64_t> window = pair("window");
  const std::vector<int64_t> stride = pair("stride");
  const std::vector<int64_t> padding = attributes.integers("padding");
  Definitions made;
  made.type("X", image.dtype).alias("A", accumulator_type(image.dtype));
  made.number("kHeight", image.shape[1]).number("kWidth", image.shape[2]);
  made.number("kChannels", image.shape[3]);
  made.number("kPooledHeight", pooled.shape[1]).number("kPooledWidth", pooled.shape[2]);
  made.flag("kMaximum", attributes.string("kind") == "max").flag("kAdaptive", adaptive);
  made.flag("kIncludePadding", !adaptive && attributes.flag("count_include_pad"));
  made.number("kWindowHeight", window[0]).number("kWindowWidth", window[1]);
  made.number("kStrideDown", stride[0]).number("kStrideAcross", stride[1]);
  made.number("kTop", padding[0]).number("kLeft", padding[2]);
  made.number("kImageStride", x_strides[0]).number("kRowStride", x_strides[1]);
  made.number("kColumnStride", x_strides[2]).number("kChannelStride", x_strides[3]);
  return made;
}

}  // namespace flame::cuda
