// Conformance cases of geglu.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases geglu_cases() {
  OpCases cases;
  for (const char *activation : {"gelu", "gelu_tanh", "silu"}) {
    for (const Shape &x : {Shape{3, 34}, Shape{2}, Shape{2, 77, 32}, Shape{0, 4}, Shape{5, 514}}) {
      OpCase c{.inputs = {in(x)}, .attributes = {{"activation", std::string(activation)}}};
      // One wide number alone may be in the far tail, where only its absolute size counts.
      if (x.element_count() > 2) c.contents = {Content::kNormal, Content::kWide};
      cases.push_back(c);
    }
  }
  return cases;
}

}  // namespace flame::conformance
