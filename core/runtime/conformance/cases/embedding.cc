// Conformance cases of embedding.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases embedding_cases() {
  OpCases cases;
  for (const DType index : {DType::kI64, DType::kI32}) {
    const auto add = [&](const Shape &chosen, const Shape &weight) {
      cases.push_back({.inputs = {indices(chosen, weight[0], index), in(weight)}});
    };
    add({2, 77}, {49, 33});
    add({}, {5, 8});
    add({0}, {5, 8});
    add({1}, {1, 1});
    add({2, 3, 4}, {7, 17});
  }
  return cases;
}

}  // namespace flame::conformance
