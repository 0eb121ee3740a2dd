// Conformance cases of softmax_grad.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases softmax_grad_cases() {
  OpCases cases;
  const auto add = [&](const Shape &y, int64_t axis) {
    cases.push_back({.inputs = {in(y), in(y, Content::kPositive)}, .attributes = {{"axis", axis}}});
  };
  add({1}, 0);
  add({37}, 0);
  add({4, 5, 23}, 0);
  add({4, 5, 23}, 1);
  add({4, 5, 23}, -1);
  add({2, 3, 9, 77}, -1);
  add({2, 1031}, 1);
  add({0, 3}, 1);
  return cases;
}

}  // namespace flame::conformance
