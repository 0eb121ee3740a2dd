// Conformance cases of log_softmax.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases log_softmax_cases() {
  OpCases cases;
  const auto add = [&](const Shape &x, int64_t axis) {
    cases.push_back({.inputs = {in(x)},
                     .attributes = {{"axis", axis}},
                     .contents = {Content::kNormal, Content::kWide}});
  };
  add({1}, 0);
  add({37}, 0);
  add({4, 5, 23}, 0);
  add({4, 5, 23}, 1);
  add({4, 5, 23}, -1);
  add({2, 3, 9, 77}, -1);
  add({2, 1031}, 1);
  add({3, 1}, 1);
  add({0, 3}, 1);
  return cases;
}

}  // namespace flame::conformance
