// The layers that the models are made of, over the program builder.
//
// Images are [n, h, w, c], token matrices [n, tokens, c]; parameters bear the names and, but for the
// order of a convolution's axes, the shapes of diffusers and transformers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flame/plugin.hpp"

namespace models {

// A value with its shape, so that no layer has to ask the host.
struct Tensor {
  flame::Value value;
  flame::Shape shape;

  int64_t size(size_t axis) const { return shape[axis]; }
  int64_t channels() const { return shape.back(); }
};

struct ConvShape {
  int64_t channels = 0;  // that come out
  int64_t window = 3;    // odd, or 1
  int64_t stride = 1;
  std::vector<int64_t> padding =
      {};  // top, bottom, left, right; none: as keeps the size at stride 1
};

struct AttentionShape {
  int64_t heads = 1;
  bool causal = false;
};

// Adds layers to one program, under the scopes that are open there. Lives no longer than it. Ops bear
// the place of the caller's line.
class Layers {
 private:
  using Place = flame::Place;

 public:
  explicit Layers(flame::Program &program) : program_(program) {}

  [[nodiscard]] flame::Program::Scope scope(std::string_view name) { return program_.scope(name); }
  Tensor input(std::string_view name, flame_dtype dtype, const flame::Shape &shape);
  Tensor parameter(std::string_view name, const flame::Shape &shape);
  void output(std::string_view name, const Tensor &x) { program_.output(name, x.value); }

  Tensor linear(std::string_view name, const Tensor &x, int64_t out, bool with_bias = true,
                Place at = Place::here());
  Tensor conv(std::string_view name, const Tensor &x, const ConvShape &shape,
              Place at = Place::here());
  Tensor layer_norm(std::string_view name, const Tensor &x, double eps, Place at = Place::here());
  // `activation` is "" or "silu".
  Tensor group_norm(std::string_view name, const Tensor &x, int64_t groups, double eps,
                    const char *activation, Place at = Place::here());

  // A function of `map` by its name: "silu".
  Tensor apply(const char *function, const Tensor &x, Place at = Place::here());
  // Code of `map` whose one output has x's shape and the given type.
  Tensor map(std::string_view code, const std::vector<Tensor> &inputs, const flame::Shape &shape,
             flame_dtype dtype, Place at = Place::here());
  Tensor add(const Tensor &a, const Tensor &b, Place at = Place::here());  // b broadcasts to a
  Tensor geglu(const Tensor &x, Place at = Place::here());
  Tensor reshape(const Tensor &x, const flame::Shape &shape, Place at = Place::here());
  Tensor cast(const Tensor &x, flame_dtype dtype, Place at = Place::here());
  Tensor concat(const Tensor &a, const Tensor &b, Place at = Place::here());  // along the last axis
  Tensor nearest(const Tensor &x, int64_t height, int64_t width, Place at = Place::here());
  // Heads are taken from the last axis of token matrices.
  Tensor attention(const Tensor &q, const Tensor &k, const Tensor &v, const AttentionShape &shape,
                   Place at = Place::here());

  Tensor op(std::string_view name, const std::vector<Tensor> &inputs,
            const std::vector<flame::Attribute> &attributes, const flame::Shape &shape,
            uint32_t output_count = 1, Place at = Place::here());

 private:
  flame::Program &program_;
};

struct ResnetShape {
  int64_t channels = 0;  // that come out
  int64_t groups = 32;
  double eps = 1e-5;
};
// ResnetBlock2D; `embedding` is activated already, and null where a network has none.
Tensor resnet(Layers &layers, std::string_view name, const Tensor &x, const Tensor *embedding,
              const ResnetShape &shape);

// A size that the host gives, which must be at least `least`.
int64_t size_of(flame::Attributes sizes, std::string_view name, int64_t least = 1);

}  // namespace models
