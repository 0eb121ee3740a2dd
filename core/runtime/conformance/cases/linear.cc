// Conformance cases of linear.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases linear_cases() {
  OpCases cases;
  const auto add = [&](const Shape &x, int64_t outputs) {
    const Shape weight{outputs, x.back(0)};
    cases.push_back({.inputs = {in(x), in(weight)}});
    cases.push_back({.inputs = {in(x), in(weight), in({outputs})}});
    std::vector<int64_t> y(x.sizes().begin(), x.sizes().end());
    y.back() = outputs;
    cases.push_back({.inputs = {in(x), in(weight), in({outputs}), in(Shape(y))}});
  };
  add({3, 5}, 7);
  add({1}, 1);
  add({33}, 17);
  add({2, 77, 19}, 9);
  add({2, 3, 4, 5}, 6);
  add({17, 320}, 16);
  add({16, 16}, 4);  // a LoRA's way down
  add({33, 64}, 16);
  add({2, 40, 72}, 136);
  add({0, 4}, 3);
  add({4, 3}, 0);
  add({4, 0}, 3);
  return cases;
}

}  // namespace flame::conformance
