// Conformance cases of geglu_grad.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases geglu_grad_cases() {
  OpCases cases;
  for (const char *activation : {"gelu", "gelu_tanh", "silu"}) {
    const auto add = [&](const Shape &dy, const Shape &x) {
      OpCase c{.inputs = {in(dy), in(x)}, .attributes = {{"activation", std::string(activation)}}};
      // One wide number alone may be in the far tail, where only its absolute size counts.
      if (x.element_count() > 2) c.contents = {Content::kNormal, Content::kWide};
      cases.push_back(c);
    };
    add({3, 17}, {3, 34});
    add({1}, {2});
    add({2, 77, 16}, {2, 77, 32});
    add({0, 2}, {0, 4});
    add({5, 257}, {5, 514});
  }
  return cases;
}

}  // namespace flame::conformance
