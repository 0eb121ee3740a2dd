// Conformance cases of log_softmax_grad.
#include "core/runtime/conformance/softmax_sizes.h"

namespace flame::conformance {

OpCases log_softmax_grad_cases() {
  OpCases cases;
  for (const auto &[x, axis] : softmax_sizes())
    cases.push_back({.inputs = {in(x), in(x, Content::kPositive)}, .attributes = {{"axis", axis}}});
  return cases;
}

}  // namespace flame::conformance
