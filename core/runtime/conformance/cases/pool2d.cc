// Conformance cases of pool2d.
#include "core/runtime/conformance/op_case.h"
#include "core/runtime/conformance/pool_sizes.h"

namespace flame::conformance {

OpCases pool2d_cases() {
  OpCases cases;
  for (const char *kind : {"max", "average"}) {
    const bool max = std::string_view(kind) == "max";
    for (const PoolSizes &sizes : pool_sizes(kind)) {
      OpCase c{.inputs = {in(sizes.x)}, .attributes = sizes.attributes};
      c.contents = {Content::kNormal, Content::kWhole};
      if (max) c.contents.push_back(Content::kSpecial);
      c.exact_when_whole = max;
      cases.push_back(c);
    }
  }
  return cases;
}

}  // namespace flame::conformance
