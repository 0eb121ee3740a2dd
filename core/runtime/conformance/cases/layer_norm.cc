// Conformance cases of layer_norm.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases layer_norm_cases() {
  OpCases cases;
  for (const Shape &x : {Shape{4, 7}, Shape{1, 1}, Shape{3}, Shape{2, 3, 16}, Shape{2, 77, 33},
                         Shape{3, 320}, Shape{2, 1283}, Shape{0, 5}}) {
    const Shape c{x.back(0)};
    cases.push_back({.inputs = {in(x)}});
    cases.push_back({.inputs = {in(x), in(c)}});
    cases.push_back({.inputs = {in(x), in(c), in(c)}});
    cases.push_back({.inputs = {in(x), in(c), in(c)}, .attributes = {{"eps", 1e-2}}});
  }
  // Numbers far from their mean's size.
  cases.push_back({.inputs = {in({5, 64})}, .contents = {Content::kWide}});
  return cases;
}

}  // namespace flame::conformance
