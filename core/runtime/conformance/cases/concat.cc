// Conformance cases of concat.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases concat_cases() {
  OpCases cases;
  const auto add = [&](const std::vector<Shape> &shapes, int64_t axis) {
    OpCase c{.attributes = {{"axis", axis}}};
    for (const Shape &shape : shapes) c.inputs.push_back(in(shape));
    cases.push_back(c);
  };
  // More parts than a backend may take at once, of even and of odd sizes, with gaps between.
  std::vector<Shape> many, wide;
  for (int64_t i = 0; i < 300; ++i) many.push_back({i % 7 == 6 ? i % 3 : 16 * (1 + i % 3), 4});
  for (int64_t i = 0; i < 10; ++i) wide.push_back({3, i % 4 == 3 ? 5 : 8, 4});
  add(many, 0);
  add(wide, 1);
  add({{3}}, 0);
  add({{1}, {1}}, 0);
  add({{5}, {0}, {4}}, 0);
  add({{2, 3, 5}, {4, 3, 5}}, 0);
  add({{2, 3, 5}, {2, 1, 5}, {2, 2, 5}}, 1);
  add({{2, 3, 5}, {2, 3, 7}}, -1);
  add({{1, 4, 4, 17}, {1, 4, 4, 31}}, 3);
  add({{0, 3}, {0, 2}}, 1);
  return cases;
}

}  // namespace flame::conformance
