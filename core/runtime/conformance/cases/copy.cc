// Conformance cases of copy.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases copy_cases() {
  OpCases cases;
  for (const DType to : all_dtypes()) {
    cases.push_back(
        {.inputs = {in({3, 5, 19})},
         .attributes = {{"dtype", std::string(name_of(to))}},
         .contents = {Content::kNormal, Content::kWide, Content::kSpecial, Content::kLarge}});
  }
  for (const Shape &shape :
       {Shape{}, Shape{1}, Shape{0}, Shape{2, 0, 3}, Shape{64, 129}, Shape{2, 3, 4, 5, 2}}) {
    cases.push_back({.inputs = {in(shape)}});
  }
  return cases;
}

}  // namespace flame::conformance
