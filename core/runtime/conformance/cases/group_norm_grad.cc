// Conformance cases of group_norm_grad.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

namespace {

struct Sizes {
  Shape x;
  int64_t groups;
};
const Sizes kSizes[] = {{{2, 4, 4, 6}, 3}, {{1, 3, 5, 32}, 8},   {{2, 7, 12}, 4},
                        {{3, 8}, 2},       {{1, 5, 5, 320}, 32}, {{2, 3, 3, 17}, 1},
                        {{1, 9, 9, 4}, 4}, {{0, 4, 4, 6}, 3}};

}  // namespace

OpCases group_norm_grad_cases() {
  OpCases cases;
  for (const auto &[sizes, groups] : kSizes) {
    const auto &x = sizes;  // clang 14 takes no binding into a lambda
    for (const char *activation : {"", "silu"}) {
      const Attributes attributes{{"groups", groups}, {"activation", std::string(activation)}};
      const CaseOperand mean = answer({x[0], groups}, 1, TypeOf::kCompute);
      const CaseOperand rstd = answer({x[0], groups}, 2, TypeOf::kCompute);
      const CaseOperand c = in({x.back(0)});
      const std::vector<ForwardOp> forward{{"group_norm", {1}, {{"groups", groups}}}};
      const auto add = [&](std::vector<CaseOperand> weights, bool weight_gradient) {
        std::vector<CaseOperand> inputs{in(x), in(x), mean, rstd};
        inputs.insert(inputs.end(), weights.begin(), weights.end());
        cases.push_back({.inputs = inputs,
                         .attributes = with(attributes, {{"weight_gradient", weight_gradient}}),
                         .forward = forward});
      };
      add({}, false);
      add({c}, false);
      add({c}, true);
      add({c, c}, true);
      add({c, c, in(x)}, false);
      add({c, c, in(x)}, true);
    }
  }
  return cases;
}

}  // namespace flame::conformance
