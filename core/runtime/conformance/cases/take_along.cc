// Conformance cases of take_along.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases take_along_cases() {
  OpCases cases;
  for (const DType index : {DType::kI64, DType::kI32}) {
    const auto add = [&](const Shape &x, const Shape &chosen, int64_t axis, int64_t size) {
      cases.push_back(
          {.inputs = {in(x), indices(chosen, size, index)}, .attributes = {{"axis", axis}}});
    };
    add({6}, {9}, 0, 6);
    add({6, 5, 4}, {3, 5, 4}, 0, 6);
    add({6, 5, 4}, {6, 7, 4}, 1, 5);
    add({6, 5, 4}, {6, 5, 1}, -1, 4);
    add({6, 5}, {0, 5}, 0, 6);
  }
  return cases;
}

}  // namespace flame::conformance
