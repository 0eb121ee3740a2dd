// Conformance cases of conv_transpose2d.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases conv_transpose2d_cases() {
  const Attributes plain;
  const Attributes twice{{"stride", Ints{2, 2}}, {"padding", Ints{1, 1, 1, 1}}};
  const Attributes odd{{"stride", Ints{3, 2}},
                       {"padding", Ints{0, 1, 1, 0}},
                       {"dilation", Ints{1, 2}},
                       {"output_padding", Ints{2, 1}}};
  const Attributes groups{{"stride", Ints{2, 1}}, {"groups", int64_t{2}}};
  OpCases cases;
  const auto add = [&](const Shape &x, const Shape &weight, const Attributes &attributes,
                       int64_t channels) {
    cases.push_back({.inputs = {in(x), in(weight)}, .attributes = attributes});
    cases.push_back({.inputs = {in(x), in(weight), in({channels})}, .attributes = attributes});
  };
  add({2, 4, 5, 3}, {3, 3, 3, 4}, plain, 4);
  add({1, 1, 1, 1}, {1, 1, 1, 1}, plain, 1);
  add({1, 4, 4, 17}, {17, 4, 4, 9}, twice, 9);
  add({2, 3, 4, 2}, {2, 3, 2, 5}, odd, 5);
  add({1, 4, 3, 4}, {4, 2, 3, 3}, groups, 6);
  add({0, 4, 4, 3}, {3, 2, 2, 2}, plain, 2);
  return cases;
}

}  // namespace flame::conformance
