// Conformance cases of rms_norm_grad.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases rms_norm_grad_cases() {
  OpCases cases;
  for (const Shape &x :
       {Shape{4, 7}, Shape{3}, Shape{2, 3, 16}, Shape{2, 77, 33}, Shape{3, 320}, Shape{0, 5}}) {
    const CaseOperand rstd = answer(Shape(x.sizes().first(x.rank() - 1)), 1, TypeOf::kCompute);
    const std::vector<ForwardOp> forward{{"rms_norm", {1}, {}}};
    const CaseOperand c = in({x.back(0)});
    cases.push_back({.inputs = {in(x), in(x), rstd}, .forward = forward});
    cases.push_back({.inputs = {in(x), in(x), rstd, c}, .forward = forward});
    cases.push_back({.inputs = {in(x), in(x), rstd, c},
                     .attributes = {{"weight_gradient", true}},
                     .forward = forward});
    cases.push_back({.inputs = {in(x), in(x), rstd, c, in(x)}, .forward = forward});
    cases.push_back({.inputs = {in(x), in(x), rstd, c, in(x)},
                     .attributes = {{"weight_gradient", true}},
                     .forward = forward});
  }
  return cases;
}

}  // namespace flame::conformance
