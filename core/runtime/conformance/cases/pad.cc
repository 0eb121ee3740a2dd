// Conformance cases of pad.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases pad_cases() {
  OpCases cases;
  for (const double value : {0.0, -3.0, 1.5}) {
    const auto add = [&](const Shape &x, Ints padding) {
      cases.push_back({.inputs = {in(x)}, .attributes = {{"padding", padding}, {"value", value}}});
    };
    add({5}, {2, 0});
    add({3, 7}, {1, 2, 0, 3});
    add({2, 3, 4, 5}, {0, 0, 1, 1, 1, 1, 0, 0});
    add({}, {});
    add({0, 2}, {1, 0, 1, 1});
    add({2, 3}, {0, 0, 0, 0});
  }
  return cases;
}

}  // namespace flame::conformance
