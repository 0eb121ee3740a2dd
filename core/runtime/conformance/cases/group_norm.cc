// Conformance cases of group_norm.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

namespace {

struct Sizes {
  Shape x;
  int64_t groups;
};
const Sizes kSizes[] = {{{2, 4, 4, 6}, 3}, {{1, 3, 5, 32}, 8},   {{2, 7, 12}, 4},
                        {{3, 8}, 2},       {{1, 5, 5, 320}, 32}, {{2, 3, 3, 17}, 1},
                        {{1, 9, 9, 4}, 4}, {{0, 4, 4, 6}, 3}};

}  // namespace

OpCases group_norm_cases() {
  OpCases cases;
  for (const auto &[x, groups] : kSizes) {
    for (const char *activation : {"", "silu"}) {
      const Attributes attributes{{"groups", groups}, {"activation", std::string(activation)}};
      const CaseOperand c = in({x.back(0)});
      cases.push_back({.inputs = {in(x)}, .attributes = attributes});
      cases.push_back({.inputs = {in(x), c}, .attributes = attributes});
      cases.push_back({.inputs = {in(x), c, c}, .attributes = attributes});
      cases.push_back({.inputs = {in(x), c, c}, .attributes = with(attributes, {{"eps", 1e-2}})});
    }
  }
  return cases;
}

}  // namespace flame::conformance
