// Conformance cases of scatter_add.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases scatter_add_cases() {
  OpCases cases;
  for (const DType index : {DType::kI64, DType::kI32}) {
    const auto add = [&](const Shape &base, const Shape &chosen, const Shape &updates, int64_t axis,
                         int64_t size) {
      cases.push_back({.inputs = {in(base), indices(chosen, size, index), in(updates)},
                       .attributes = {{"axis", axis}}});
    };
    add({6}, {19}, {19}, 0, 6);  // several updates for each place
    add({6, 5, 4}, {2, 3}, {2, 3, 5, 4}, 0, 6);
    add({6, 5, 4}, {7}, {6, 7, 4}, 1, 5);
    add({6, 5, 4}, {2, 3}, {6, 5, 2, 3}, -1, 4);
    add({3, 33}, {77}, {77, 33}, 0, 3);
    add({6, 5}, {}, {5}, 0, 6);
    add({6, 5}, {0}, {0, 5}, 0, 6);
    add({1, 1}, {1}, {1, 1}, 0, 1);
  }
  return cases;
}

}  // namespace flame::conformance
