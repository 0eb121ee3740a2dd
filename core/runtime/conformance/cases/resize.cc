// Conformance cases of resize.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases resize_cases() {
  OpCases cases;
  const auto add = [&](const char *kind, const Shape &x, Ints size, bool align_corners) {
    cases.push_back(
        {.inputs = {in(x)},
         .attributes = {
             {"kind", std::string(kind)}, {"size", size}, {"align_corners", align_corners}}});
  };
  for (const Ints &size : {Ints{8, 10}, Ints{3, 4}, Ints{1, 1}, Ints{7, 3}, Ints{4, 5}}) {
    add("nearest", {2, 4, 5, 3}, size, false);
    add("bilinear", {2, 4, 5, 3}, size, false);
    add("bilinear", {2, 4, 5, 3}, size, true);
  }
  add("nearest", {1, 8, 8, 17}, {16, 16}, false);
  add("bilinear", {1, 1, 1, 2}, {5, 3}, false);
  add("nearest", {0, 4, 4, 3}, {8, 8}, false);
  return cases;
}

}  // namespace flame::conformance
