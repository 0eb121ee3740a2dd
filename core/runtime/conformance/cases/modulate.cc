// Conformance cases of modulate.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases modulate_cases() {
  OpCases cases;
  const auto add = [&](const Shape &x, const Shape &condition) {
    cases.push_back({.inputs = {in(x), in(condition), in(condition)}});
  };
  add({2, 77, 33}, {2, 1, 33});
  add({3, 17}, {3, 17});
  add({5}, {1});
  add({2, 3, 4, 5}, {5});
  add({}, {});
  add({0, 3}, {3});
  return cases;
}

}  // namespace flame::conformance
