// Conformance cases of attention_grad.
#include <cmath>

#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

namespace {

struct Sizes {
  int64_t b, s, t, h, d, e;
};
// Odd, registers and one more, 77 keys, no batch. One key alone would give a gradient of nothing but
// rounding.
const Sizes kSizes[] = {{1, 2, 3, 1, 1, 1},     {2, 5, 7, 3, 7, 4},      {1, 16, 16, 2, 16, 16},
                        {2, 9, 77, 2, 33, 17},  {1, 33, 33, 1, 8, 8},    {2, 4, 3, 2, 5, 5},
                        {1, 64, 64, 1, 64, 64}, {1, 130, 77, 1, 40, 40}, {0, 4, 4, 2, 8, 8}};

}  // namespace

OpCases attention_grad_cases() {
  OpCases cases;
  for (const auto &[b, s, t, h, d, e] : kSizes) {
    const std::vector<CaseOperand> operands{
        in({b, s, h, e}), in({b, s, h, d}),        in({b, t, h, d}),
        in({b, t, h, e}), answer({b, s, h, e}, 0), answer({b, h, s}, 1, TypeOf::kCompute)};
    const Attributes plain{{"scale", 1 / std::sqrt(static_cast<double>(d))}};
    const auto add = [&](std::vector<CaseOperand> inputs, const Attributes &attributes,
                         bool mask_gradient) {
      ForwardOp forward{"attention", {1, 2, 3}, attributes};
      if (inputs.size() == 7) forward.operands.push_back(6);
      cases.push_back({.inputs = inputs,
                       .attributes = with(attributes, {{"mask_gradient", mask_gradient}}),
                       .forward = {forward}});
    };
    const auto masked = [&](const CaseOperand &mask, bool gradient) {
      std::vector<CaseOperand> inputs = operands;
      inputs.push_back(mask);
      add(inputs, plain, gradient);
    };
    add(operands, plain, false);
    if (s == t) add(operands, with(plain, {{"causal", true}}), false);
    masked(fixed({b, h, s, t}, DType::kBool, Content::kTruths), false);
    masked(in({b, 1, 1, t}, Content::kNormal), false);
    masked(computed({s, t}, Content::kNormal), true);
  }
  return cases;
}

}  // namespace flame::conformance
