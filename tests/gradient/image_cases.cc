// Gradient cases of convolution, pooling, resizing and padding.
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {
namespace {

using Ints = std::vector<int64_t>;

Attributes window(Ints stride, Ints padding, Ints dilation, int64_t groups = 1) {
  return {{"stride", stride}, {"padding", padding}, {"dilation", dilation}, {"groups", groups}};
}

Attributes with(Attributes attributes, const char *name, AttributeValue value) {
  attributes.set(name, std::move(value));
  return attributes;
}

Attributes pooling(const char *kind, Ints size, Ints stride, Ints padding,
                   bool include_padding = false) {
  return {{"kind", kind},
          {"window", size},
          {"stride", stride},
          {"padding", padding},
          {"count_include_pad", include_padding}};
}

GradientCase resized(const char *name, const char *kind, Ints size, bool align_corners) {
  return {"resize", name, [=](Sketch &s) {
            s.output(apply_one("resize", {s.input({2, 3, 4, 2})},
                               {{"kind", kind}, {"size", size}, {"align_corners", align_corners}}));
          }};
}

}  // namespace

std::vector<GradientCase> image_cases() {
  const Attributes odd = window({2, 1}, {1, 0, 2, 1}, {1, 2});
  const Attributes groups = window({1, 2}, {0, 1, 1, 0}, {2, 1}, 2);
  return {
      {"conv2d", "plain with bias",
       [](Sketch &s) {
         s.output(
             apply_one("conv2d", {s.input({2, 4, 5, 3}), s.input({2, 3, 3, 3}), s.input({2})}));
       },
       2},
      {"conv2d", "1 by 1",
       [](Sketch &s) {
         s.output(apply_one("conv2d", {s.input({1, 3, 2, 3}), s.input({4, 1, 1, 3})}));
       }},
      {"conv2d", "stride, one-sided padding, dilation",
       [=](Sketch &s) {
         s.output(apply_one("conv2d", {s.input({1, 6, 7, 2}), s.input({3, 3, 2, 2})}, odd));
       },
       2},
      {"conv2d", "groups",
       [=](Sketch &s) {
         s.output(apply_one("conv2d", {s.input({2, 5, 6, 4}), s.input({6, 2, 3, 2})}, groups));
       },
       2},
      {"conv2d", "one channel a group",
       [](Sketch &s) {
         s.output(apply_one("conv2d", {s.input({1, 4, 4, 3}), s.input({3, 2, 2, 1})},
                            window({1, 1}, {1, 1, 1, 1}, {1, 1}, 3)));
       }},
      {"conv2d", "no images",
       [](Sketch &s) {
         s.output(apply_one("conv2d", {s.input({0, 4, 4, 3}), s.input({3, 2, 2, 3})}));
       }},
      {"conv2d", "strided views",
       [](Sketch &s) {
         s.output(apply_one("conv2d", {permute(s.input({1, 3, 5, 4}), {0, 2, 3, 1}),
                                       permute(s.input({2, 3, 2, 2}), {0, 2, 3, 1})}));
       }},
      {"conv2d_input_grad", "groups and stride",
       [=](Sketch &s) {
         s.output(apply_one("conv2d_input_grad", {s.input({2, 4, 3, 6}), s.input({6, 2, 3, 2})},
                            with(groups, "size", Ints{5, 6})));
       },
       2},
      {"conv2d_weight_grad", "dilation and padding",
       [=](Sketch &s) {
         s.output(apply_one("conv2d_weight_grad", {s.input({1, 6, 7, 2}), s.input({1, 3, 8, 3})},
                            with(odd, "window", Ints{3, 2})));
       },
       2},
      {"conv_transpose2d", "stride, padding, output padding, bias",
       [](Sketch &s) {
         s.output(apply_one(
             "conv_transpose2d", {s.input({2, 3, 4, 3}), s.input({3, 3, 2, 2}), s.input({2})},
             with(window({2, 3}, {1, 0, 0, 1}, {1, 1}), "output_padding", Ints{1, 2})));
       },
       2},
      {"conv_transpose2d", "groups and dilation",
       [](Sketch &s) {
         s.output(apply_one("conv_transpose2d", {s.input({1, 2, 3, 4}), s.input({4, 2, 2, 3})},
                            window({1, 2}, {1, 1, 0, 1}, {2, 1}, 2)));
       }},
      {"pool2d", "max, overlapping and padded",
       [](Sketch &s) {
         s.output(apply_one("pool2d", {s.distinct({2, 5, 6, 2})},
                            pooling("max", {3, 2}, {2, 1}, {1, 2, 0, 1})));
       }},
      {"pool2d", "average without padding counted",
       [](Sketch &s) {
         s.output(apply_one("pool2d", {s.input({1, 5, 4, 3})},
                            pooling("average", {3, 3}, {2, 2}, {1, 1, 2, 0})));
       },
       2},
      {"pool2d", "average with padding counted",
       [](Sketch &s) {
         s.output(apply_one("pool2d", {s.input({1, 5, 4, 3})},
                            pooling("average", {2, 3}, {}, {1, 0, 1, 1}, true)));
       },
       2},
      {"pool2d", "adaptive average",
       [](Sketch &s) {
         s.output(apply_one("pool2d", {s.input({2, 5, 7, 1})},
                            {{"kind", "average"}, {"output_size", Ints{3, 4}}}));
       },
       2},
      {"pool2d", "adaptive maximum, upwards",
       [](Sketch &s) {
         s.output(apply_one("pool2d", {s.distinct({1, 2, 5, 2})},
                            {{"kind", "max"}, {"output_size", Ints{3, 2}}}));
       }},
      {"pool2d_grad", "average",
       [](Sketch &s) {
         s.output(
             apply_one("pool2d_grad", {s.input({1, 3, 3, 2})},
                       with(pooling("average", {3, 3}, {2, 2}, {1, 1, 2, 1}), "size", Ints{5, 4})));
       },
       2},
      resized("nearest, twice as large", "nearest", {6, 8}, false),
      resized("nearest, odd factors", "nearest", {5, 3}, false),
      resized("bilinear, larger", "bilinear", {5, 9}, false),
      resized("bilinear, smaller", "bilinear", {2, 1}, false),
      resized("bilinear, corners aligned", "bilinear", {7, 1}, true),
      {"pad", "around, with a number",
       [](Sketch &s) {
         s.output(apply_one("pad", {s.input({2, 3, 2})},
                            {{"padding", Ints{1, 0, 0, 0, 2, 3}}, {"value", 1.5}}));
       },
       2},
  };
}

}  // namespace flame::gradient_test
