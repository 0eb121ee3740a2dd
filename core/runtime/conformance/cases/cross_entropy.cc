// Conformance cases of cross_entropy.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases cross_entropy_cases() {
  OpCases cases;
  for (const char *reduction : {"mean", "sum", "none"}) {
    for (const DType index : {DType::kI64, DType::kI32}) {
      const auto add = [&](const Shape &logits, const Shape &target) {
        cases.push_back({.inputs = {in(logits), indices(target, logits.back(0), index)},
                         .attributes = {{"reduction", std::string(reduction)}},
                         .contents = {Content::kNormal, Content::kWide}});
      };
      add({5, 7}, {5});
      add({3}, {});
      add({2, 3, 33}, {2, 3});
      add({2, 1000}, {2});
    }
  }
  return cases;
}

}  // namespace flame::conformance
