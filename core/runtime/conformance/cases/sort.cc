// Conformance cases of sort.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases sort_cases() {
  OpCases cases;
  for (const bool descending : {false, true}) {
    const auto add = [&](const Shape &shape, int64_t axis) {
      cases.push_back({.inputs = {in(shape)},
                       .attributes = {{"axis", axis}, {"descending", descending}},
                       .contents = {Content::kNormal, Content::kTies, Content::kSpecial}});
    };
    add({1}, 0);
    add({37}, 0);
    add({4, 5, 23}, 0);
    add({4, 5, 23}, 1);
    add({4, 5, 23}, -1);
    add({3, 0}, 1);
    add({0, 3}, 1);
    add({2, 600}, 1);
  }
  return cases;
}

}  // namespace flame::conformance
