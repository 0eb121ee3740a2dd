// Conformance cases of pool2d_grad.
#include "core/runtime/conformance/op_case.h"
#include "core/runtime/conformance/pool_sizes.h"

namespace flame::conformance {

OpCases pool2d_grad_cases() {
  OpCases cases;
  for (const char *kind : {"max", "average"}) {
    const bool max = std::string_view(kind) == "max";
    for (const PoolSizes &sizes : pool_sizes(kind)) {
      OpCase c{.inputs = {in(sizes.y)},
               .attributes = with(sizes.attributes, {{"size", Ints{sizes.x[1], sizes.x[2]}}})};
      c.exact_when_whole = max;
      if (!max) {
        cases.push_back(c);
        continue;
      }
      // Equal maxima: the first place of the window gets the gradient.
      for (const Content content : {Content::kNormal, Content::kTies, Content::kSpecial}) {
        c.inputs.resize(1);
        c.inputs.push_back(in(sizes.x, content));
        cases.push_back(c);
      }
    }
  }
  return cases;
}

}  // namespace flame::conformance
