// Conformance cases of dropout.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases dropout_cases() {
  OpCases cases;
  for (const double rate : {0.0, 0.25, 0.5, 0.9}) {
    for (const Shape &x : {Shape{3, 37}, Shape{}, Shape{1}, Shape{2, 77, 16}, Shape{0, 2}}) {
      cases.push_back({.inputs = {in(x), indices({}, int64_t{1} << 60), indices({}, 100000)},
                       .attributes = {{"rate", rate}, {"stream", int64_t{5}}}});
    }
  }
  return cases;
}

}  // namespace flame::conformance
