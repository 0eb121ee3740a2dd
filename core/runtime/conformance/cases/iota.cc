// Conformance cases of iota.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases iota_cases() {
  OpCases cases;
  for (const auto &[start, step] : {std::pair{0.0, 1.0}, {5.0, -2.0}, {0.1, 0.3}, {-7.0, 0.0}}) {
    const auto add = [&, start = start, step = step](Ints shape, int64_t axis) {
      cases.push_back(
          {.attributes = {{"shape", shape}, {"axis", axis}, {"start", start}, {"step", step}},
           .dtype_attribute = true});
    };
    add({1}, 0);
    add({133}, 0);
    add({4, 5, 23}, 0);
    add({4, 5, 23}, 1);
    add({4, 5, 23}, -1);
    add({0, 3}, 1);
  }
  return cases;
}

}  // namespace flame::conformance
