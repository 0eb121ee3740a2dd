// Conformance cases of cumsum.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases cumsum_cases() {
  OpCases cases;
  for (const bool exclusive : {false, true}) {
    for (const bool reverse : {false, true}) {
      const auto add = [&](const Shape &shape, int64_t axis) {
        cases.push_back(
            {.inputs = {in(shape)},
             .attributes = {{"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}}});
      };
      add({1}, 0);
      add({77}, 0);
      add({4, 5, 23}, 0);
      add({4, 5, 23}, 1);
      add({4, 5, 23}, -1);
      add({0, 3}, 0);
      add({2, 1000}, 1);
    }
  }
  return cases;
}

}  // namespace flame::conformance
