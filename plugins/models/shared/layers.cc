#include "plugins/models/shared/layers.h"

#include <cmath>

namespace models {

using flame::Shape;

Tensor Layers::input(std::string_view name, flame_dtype dtype, const Shape &shape) {
  return {program_.input(name, dtype, shape), shape};
}

Tensor Layers::parameter(std::string_view name, const Shape &shape) {
  return {program_.parameter(name, FLAME_DTYPE_F32, shape), shape};
}

Tensor Layers::op(std::string_view name, const std::vector<Tensor> &inputs,
                  const std::vector<flame::Attribute> &attributes, const Shape &shape,
                  uint32_t output_count, Place at) {
  std::vector<flame::Value> values;
  for (const Tensor &input : inputs) values.push_back(input.value);
  return {program_.ops(name, values, output_count, attributes, at).front(), shape};
}

Tensor Layers::linear(std::string_view name, const Tensor &x, int64_t out, bool with_bias,
                      Place at) {
  const auto open = scope(name);
  std::vector<Tensor> inputs = {x, parameter("weight", {out, x.channels()})};
  if (with_bias) inputs.push_back(parameter("bias", {out}));
  Shape shape = x.shape;
  shape.back() = out;
  return op("linear", inputs, {}, shape, 1, at);
}

Tensor Layers::conv(std::string_view name, const Tensor &x, const ConvShape &conv, Place at) {
  const auto open = scope(name);
  const int64_t side = conv.window / 2;
  const std::vector<int64_t> padding =
      conv.padding.empty() ? std::vector<int64_t>{side, side, side, side} : conv.padding;
  const Tensor weight =
      parameter("weight", {conv.channels, conv.window, conv.window, x.channels()});
  const auto places = [&](size_t axis, int64_t around) {
    return (x.size(axis) + around - conv.window) / conv.stride + 1;
  };
  return op("conv2d", {x, weight, parameter("bias", {conv.channels})},
            {{"stride", {conv.stride, conv.stride}}, {"padding", padding}},
            {x.size(0), places(1, padding[0] + padding[1]), places(2, padding[2] + padding[3]),
             conv.channels},
            1, at);
}

Tensor Layers::layer_norm(std::string_view name, const Tensor &x, double eps, Place at) {
  const auto open = scope(name);
  const Shape affine = {x.channels()};
  return op("layer_norm", {x, parameter("weight", affine), parameter("bias", affine)},
            {{"eps", eps}}, x.shape, 3, at);
}

Tensor Layers::group_norm(std::string_view name, const Tensor &x, int64_t groups, double eps,
                          const char *activation, Place at) {
  if (x.channels() % groups != 0) {
    throw flame::invalid_argument("norm_num_groups: ", groups, " does not divide the ",
                                  x.channels(), " channels of '", name,
                                  "': every width must be a multiple of it");
  }
  const auto open = scope(name);
  const Shape affine = {x.channels()};
  return op("group_norm", {x, parameter("weight", affine), parameter("bias", affine)},
            {{"groups", groups}, {"activation", activation}, {"eps", eps}}, x.shape, 3, at);
}

Tensor Layers::apply(const char *function, const Tensor &x, Place at) {
  return op(function, {x}, {}, x.shape, 1, at);
}

Tensor Layers::map(std::string_view code, const std::vector<Tensor> &inputs, const Shape &shape,
                   flame_dtype dtype, Place at) {
  const std::vector<std::string> dtypes = {std::string(flame::dtype_name(dtype))};
  return op("map", inputs, {{"code", std::string(code)}, {"dtypes", dtypes}}, shape, 1, at);
}

Tensor Layers::add(const Tensor &a, const Tensor &b, Place at) {
  return op("add", {a, b}, {}, a.shape, 1, at);
}

Tensor Layers::geglu(const Tensor &x, Place at) {
  Shape half = x.shape;
  half.back() /= 2;
  return op("geglu", {x}, {}, half, 1, at);
}

Tensor Layers::reshape(const Tensor &x, const Shape &shape, Place at) {
  return op("reshape", {x}, {{"shape", shape}}, shape, 1, at);
}

Tensor Layers::cast(const Tensor &x, flame_dtype dtype, Place at) {
  return op("cast", {x}, {{"dtype", std::string(flame::dtype_name(dtype))}}, x.shape, 1, at);
}

Tensor Layers::concat(const Tensor &a, const Tensor &b, Place at) {
  Shape shape = a.shape;
  shape.back() += b.channels();
  return op("concat", {a, b}, {{"axis", -1}}, shape, 1, at);
}

Tensor Layers::nearest(const Tensor &x, int64_t height, int64_t width, Place at) {
  return op("resize", {x}, {{"kind", "nearest"}, {"size", {height, width}}},
            {x.size(0), height, width, x.channels()}, 1, at);
}

Tensor Layers::attention(const Tensor &q, const Tensor &k, const Tensor &v,
                         const AttentionShape &shape, Place at) {
  const int64_t width = q.channels() / shape.heads;
  const auto heads = [&](const Tensor &x) {
    return reshape(x, {x.size(0), x.size(1), shape.heads, width}, at);
  };
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const Tensor y =
      op("attention", {heads(q), heads(k), heads(v)}, {{"scale", scale}, {"causal", shape.causal}},
         {q.size(0), q.size(1), shape.heads, width}, 2, at);
  return reshape(y, q.shape, at);
}

Tensor resnet(Layers &layers, std::string_view name, const Tensor &x, const Tensor *embedding,
              const ResnetShape &shape) {
  const auto open = layers.scope(name);
  const auto norm = [&](const char *part, const Tensor &in) {
    return layers.group_norm(part, in, shape.groups, shape.eps, "silu");
  };
  Tensor h = layers.conv("conv1", norm("norm1", x), {shape.channels});
  if (embedding) {
    const Tensor time = layers.linear("time_emb_proj", *embedding, shape.channels);
    h = layers.add(h, layers.reshape(time, {time.size(0), 1, 1, shape.channels}));
  }
  h = layers.conv("conv2", norm("norm2", h), {shape.channels});
  const bool keeps = x.channels() == shape.channels;
  return layers.add(keeps ? x : layers.conv("conv_shortcut", x, {shape.channels, 1}), h);
}

int64_t size_of(flame::Attributes sizes, std::string_view name, int64_t least) {
  const int64_t size = sizes.integer(name);
  if (size < least) {
    throw flame::invalid_argument("size '", name, "' is ", size, ", expected ", least, " or more");
  }
  return size;
}

}  // namespace models
