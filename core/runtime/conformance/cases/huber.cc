// Conformance cases of huber.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases huber_cases() {
  OpCases cases;
  for (const double delta : {1.0, 0.3}) {
    for (const char *reduction : {"mean", "sum", "none"}) {
      for (const Shape &x : {Shape{3, 37}, Shape{}, Shape{1}, Shape{2, 4, 4, 5}, Shape{4099}}) {
        cases.push_back({.inputs = {in(x), in(x)},
                         .attributes = {{"delta", delta}, {"reduction", std::string(reduction)}}});
      }
    }
  }
  return cases;
}

}  // namespace flame::conformance
