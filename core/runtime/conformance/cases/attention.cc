// Conformance cases of attention.
#include <cmath>

#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

namespace {

struct Sizes {
  int64_t b, s, t, h, d, e;
};
// One of each, odd, registers and one more, 77 keys, one key, no batch.
const Sizes kSizes[] = {{1, 1, 1, 1, 1, 1},     {2, 5, 7, 3, 7, 4},      {1, 16, 16, 2, 16, 16},
                        {2, 9, 77, 2, 33, 17},  {1, 33, 33, 1, 8, 8},    {2, 4, 1, 2, 5, 5},
                        {1, 64, 64, 1, 64, 64}, {1, 130, 77, 1, 40, 40}, {0, 4, 4, 2, 8, 8}};

}  // namespace

OpCases attention_cases() {
  OpCases cases;
  for (const auto &[b, s, t, h, d, e] : kSizes) {
    const std::vector<CaseOperand> operands{in({b, s, h, d}), in({b, t, h, d}), in({b, t, h, e})};
    const Attributes attributes{{"scale", 1 / std::sqrt(static_cast<double>(d))}};
    const auto masked = [&](const CaseOperand &mask) {
      std::vector<CaseOperand> inputs = operands;
      inputs.push_back(mask);
      cases.push_back({.inputs = inputs, .attributes = attributes});
    };
    cases.push_back({.inputs = operands, .attributes = attributes});
    cases.push_back({.inputs = operands, .attributes = {{"scale", 0.7}}});
    if (s == t)
      cases.push_back({.inputs = operands, .attributes = with(attributes, {{"causal", true}})});
    masked(fixed({b, h, s, t}, DType::kBool, Content::kTruths));
    masked(fixed({t}, DType::kBool, Content::kTruths));
    masked(in({b, 1, 1, t}, Content::kNormal));
    masked(computed({s, t}, Content::kNormal));
  }
  return cases;
}

}  // namespace flame::conformance
