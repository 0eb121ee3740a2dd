// Conformance cases of log_softmax.
#include "core/runtime/conformance/softmax_sizes.h"

namespace flame::conformance {

OpCases log_softmax_cases() {
  OpCases cases;
  for (const auto &[x, axis] : softmax_sizes())
    cases.push_back({.inputs = {in(x)},
                     .attributes = {{"axis", axis}},
                     .contents = {Content::kNormal, Content::kWide}});
  return cases;
}

}  // namespace flame::conformance
