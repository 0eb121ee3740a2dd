// Conformance cases of split.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases split_cases() {
  OpCases cases;
  const auto add = [&](const Shape &x, int64_t axis, Ints sizes) {
    cases.push_back({.inputs = {in(x)}, .attributes = {{"axis", axis}, {"sizes", sizes}}});
  };
  add({5}, 0, {2, 3});
  add({4, 3, 6}, 0, {1, 3});
  add({4, 3, 6}, 1, {1, 1, 1});
  add({4, 3, 6}, -1, {2, 4});
  add({2, 3}, 1, {3});
  add({2, 3}, 1, {0, 3});
  add({0, 4}, 1, {2, 2});
  return cases;
}

}  // namespace flame::conformance
