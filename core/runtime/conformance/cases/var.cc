// Conformance cases of var.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases var_cases() {
  OpCases cases;
  const auto add = [&](const Shape &x, Ints axes, bool keep) {
    for (const int64_t correction : {0, 1})
      cases.push_back(
          {.inputs = {in(x)},
           .attributes = {{"axes", axes}, {"keep_dims", keep}, {"correction", correction}}});
  };
  add({3, 5, 41}, {0}, false);
  add({3, 5, 41}, {1}, true);
  add({3, 5, 41}, {-1}, false);
  add({3, 5, 41}, {0, 2}, false);
  add({3, 5, 41}, {0, 1, 2}, true);
  add({5}, {0}, false);
  add({2, 1999}, {1}, false);
  add({0, 7}, {1}, false);
  return cases;
}

}  // namespace flame::conformance
