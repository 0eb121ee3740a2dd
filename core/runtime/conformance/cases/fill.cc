// Conformance cases of fill.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases fill_cases() {
  OpCases cases;
  for (const double value : {0.0, 1.0, -3.0, 2.5, -0.0, 1e-40, 70000.0, 3e38}) {
    for (const Shape &shape : {Shape{3, 37}, Shape{}, Shape{0, 2}, Shape{1}}) {
      cases.push_back(
          {.attributes = {{"shape", Ints(shape.begin(), shape.end())}, {"value", value}},
           .dtype_attribute = true});
    }
  }
  return cases;
}

}  // namespace flame::conformance
