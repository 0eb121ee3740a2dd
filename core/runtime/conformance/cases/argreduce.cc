// Conformance cases of argreduce.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases argreduce_cases() {
  OpCases cases;
  for (const char *kind : {"max", "min"}) {
    for (const bool keep : {false, true}) {
      const auto add = [&](const Shape &shape, int64_t axis) {
        cases.push_back(
            {.inputs = {in(shape)},
             .attributes = {{"kind", std::string(kind)}, {"axis", axis}, {"keep_dims", keep}},
             .contents = {Content::kNormal, Content::kTies, Content::kSpecial, Content::kLarge}});
      };
      add({1}, 0);
      add({133}, 0);
      add({4, 5, 23}, 0);
      add({4, 5, 23}, 1);
      add({4, 5, 23}, -1);
      add({0, 3}, 1);
      add({2, 2001}, 1);
    }
  }
  return cases;
}

}  // namespace flame::conformance
