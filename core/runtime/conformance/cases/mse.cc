// Conformance cases of mse.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases mse_cases() {
  OpCases cases;
  for (const char *reduction : {"mean", "sum", "none"}) {
    for (const Shape &x : {Shape{3, 37}, Shape{}, Shape{1}, Shape{2, 4, 4, 5}, Shape{4099}}) {
      cases.push_back(
          {.inputs = {in(x), in(x)}, .attributes = {{"reduction", std::string(reduction)}}});
    }
  }
  return cases;
}

}  // namespace flame::conformance
