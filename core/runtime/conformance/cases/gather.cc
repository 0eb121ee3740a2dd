// Conformance cases of gather.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases gather_cases() {
  OpCases cases;
  for (const DType index : {DType::kI64, DType::kI32}) {
    const auto add = [&](const Shape &x, const Shape &chosen, int64_t axis, int64_t size) {
      cases.push_back(
          {.inputs = {in(x), indices(chosen, size, index)}, .attributes = {{"axis", axis}}});
    };
    add({6}, {9}, 0, 6);
    add({6, 5, 4}, {2, 3}, 0, 6);
    add({6, 5, 4}, {7}, 1, 5);
    add({6, 5, 4}, {2, 3}, -1, 4);
    add({49, 33}, {77}, 0, 49);
    add({6, 5}, {}, 0, 6);
    add({6, 5}, {0}, 0, 6);
    add({0, 5}, {3}, 0, 0);
    add({1, 1}, {1}, 0, 1);
  }
  return cases;
}

}  // namespace flame::conformance
