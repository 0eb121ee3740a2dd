// Conformance cases of cast.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases cast_cases() {
  OpCases cases;
  for (const DType to : all_dtypes()) {
    for (const Shape &shape : {Shape{3, 5, 19}, Shape{}, Shape{0, 3}}) {
      cases.push_back({.inputs = {in(shape)},
                       .attributes = {{"dtype", std::string(name_of(to))}},
                       .contents = {Content::kNormal, Content::kSpecial, Content::kLarge}});
    }
  }
  return cases;
}

}  // namespace flame::conformance
