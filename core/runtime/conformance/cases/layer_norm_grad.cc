// Conformance cases of layer_norm_grad.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases layer_norm_grad_cases() {
  OpCases cases;
  for (const Shape &x :
       {Shape{4, 7}, Shape{5}, Shape{2, 3, 16}, Shape{2, 77, 33}, Shape{3, 320}, Shape{0, 5}}) {
    const Shape rows{x.sizes().first(x.rank() - 1)};
    const CaseOperand mean = answer(rows, 1, TypeOf::kCompute);
    const CaseOperand rstd = answer(rows, 2, TypeOf::kCompute);
    const std::vector<ForwardOp> forward{{"layer_norm", {1}, {}}};
    const CaseOperand c = in({x.back(0)});
    const bool repeats = x.rank() > 1;
    const auto add = [&](std::vector<CaseOperand> inputs, bool weight_gradient) {
      cases.push_back({.inputs = std::move(inputs),
                       .attributes = {{"weight_gradient", weight_gradient}},
                       .forward = forward,
                       .repeats = repeats});
    };
    add({in(x), in(x), mean, rstd}, false);
    add({in(x), in(x), mean, rstd, c}, false);
    add({in(x), in(x), mean, rstd, c}, true);
    add({in(x), in(x), mean, rstd, c, in(x)}, false);
    add({in(x), in(x), mean, rstd, c, in(x)}, true);
  }
  return cases;
}

}  // namespace flame::conformance
