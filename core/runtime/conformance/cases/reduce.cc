// Conformance cases of reduce.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases reduce_cases() {
  OpCases cases;
  for (const char *kind : {"sum", "mean", "max", "min", "prod"}) {
    const std::string name = kind;
    const bool extreme = name == "max" || name == "min";
    const auto add = [&](const Shape &x, Ints axes, bool keep, const char *dtype = "") {
      OpCase c{.inputs = {in(x)},
               .attributes = {{"kind", name}, {"axes", axes}, {"keep_dims", keep}}};
      if (*dtype) c.attributes.set("dtype", std::string(dtype));
      if (extreme) c.contents = {Content::kNormal, Content::kSpecial, Content::kLarge};
      if (name == "prod") c.contents = {Content::kPositive, Content::kNormal};
      c.exact_when_whole = name == "sum";
      cases.push_back(c);
    };
    for (const Ints &axes : {Ints{}, Ints{0}, Ints{1}, Ints{-1}, Ints{0, 2}, Ints{0, 1, 2}}) {
      add({3, 5, 41}, axes, axes.size() == 2);
      add({3, 0, 4}, axes, axes.size() == 1);
    }
    add({}, {}, false);
    add({1}, {0}, true);
    add({130, 3}, {0}, false);
    add({2, 4, 4, 17}, {1, 2}, false);
    add({2, 1, 33, 1}, {1, 3}, false);
    if (name != "prod") add({20011}, {0}, false);
    if (name != "prod") add({3, 1999}, {1}, false, "f32");
  }
  return cases;
}

}  // namespace flame::conformance
