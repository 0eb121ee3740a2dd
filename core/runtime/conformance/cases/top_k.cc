// Conformance cases of top_k.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases top_k_cases() {
  OpCases cases;
  const auto add = [&](const Shape &x, int64_t axis, int64_t k) {
    cases.push_back({.inputs = {in(x)},
                     .attributes = {{"axis", axis}, {"k", k}},
                     .contents = {Content::kNormal, Content::kTies, Content::kSpecial}});
  };
  add({1}, 0, 1);
  add({37}, 0, 5);
  add({4, 5, 23}, 0, 2);
  add({4, 5, 23}, 1, 5);
  add({4, 5, 23}, -1, 7);
  add({3, 4}, 1, 0);
  add({2, 600}, 1, 33);
  return cases;
}

}  // namespace flame::conformance
