// Conformance cases of instance_norm.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases instance_norm_cases() {
  OpCases cases;
  for (const Shape &x : {Shape{2, 4, 5, 3}, Shape{1, 7, 17}, Shape{3, 3, 3, 8}, Shape{0, 4, 2}}) {
    const CaseOperand c = in({x.back(0)});
    cases.push_back({.inputs = {in(x)}});
    cases.push_back({.inputs = {in(x), c}});
    cases.push_back({.inputs = {in(x), c, c}, .attributes = {{"eps", 1e-2}}});
  }
  return cases;
}

}  // namespace flame::conformance
