// Conformance cases of rope.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases rope_cases() {
  OpCases cases;
  for (const char *pairing : {"adjacent", "halves"}) {
    for (const bool inverse : {false, true}) {
      const auto add = [&](const Shape &x, const Shape &angles, bool computed_angles) {
        const CaseOperand angle =
            computed_angles ? computed(angles, Content::kNormal) : in(angles, Content::kNormal);
        cases.push_back({.inputs = {in(x), angle, angle},
                         .attributes = {{"pairing", std::string(pairing)}, {"inverse", inverse}}});
      };
      add({2, 7, 3, 8}, {7, 1, 4}, true);
      add({2, 7, 3, 8}, {7, 1, 4}, false);
      add({2}, {1}, true);
      add({5, 34}, {5, 17}, true);
      add({1, 77, 2, 64}, {1, 77, 1, 32}, false);
      add({0, 4}, {2}, true);
    }
  }
  return cases;
}

}  // namespace flame::conformance
