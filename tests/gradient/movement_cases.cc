// Gradient cases of the ops that move, copy and choose elements.
#include "tests/gradient/gradient_case.h"

namespace flame::gradient_test {

std::vector<GradientCase> movement_cases() {
  return {
      {"copy", "f64 to f64 of a transposed view",
       [](Sketch &s) {
         s.output(apply_one("copy", {permute(s.input({3, 4}), {1, 0})}));
       }},
      {"copy", "no elements",
       [](Sketch &s) {
         s.output(apply_one("copy", {s.input({3, 0})}));
       }},
      {"reshape", "of a permuted tensor, which needs a copy",
       [](Sketch &s) {
         s.output(reshape(permute(s.input({3, 4, 2}), {2, 0, 1}), {6, 4}));
       }},
      {"reshape", "to a scalar",
       [](Sketch &s) {
         s.output(reshape(s.input({1, 1}), Shape()));
       }},
      {"permute", "four axes",
       [](Sketch &s) {
         s.output(permute(s.input({2, 3, 1, 5}), {3, 0, 2, 1}));
       }},
      {"slice", "in the middle",
       [](Sketch &s) {
         s.output(slice(s.input({3, 7}), 1, 2, 3));
       }},
      {"slice", "in steps of 3",
       [](Sketch &s) {
         s.output(slice(s.input({2, 8, 3}), 1, 1, 3, 3));
       }},
      {"slice", "backwards in steps of 2",
       [](Sketch &s) {
         s.output(slice(s.input({7, 2}), 0, 5, 3, -2));
       }},
      {"slice", "nothing",
       [](Sketch &s) {
         s.output(slice(s.input({7, 2}), 0, 7, 0));
       }},
      {"broadcast_to", "new and repeated axes",
       [](Sketch &s) {
         s.output(broadcast_to(s.input({3, 1, 2}), {4, 3, 5, 2}));
       }},
      {"broadcast_to", "a scalar",
       [](Sketch &s) {
         s.output(broadcast_to(s.input(Shape()), {2, 3}));
       }},
      {"concat", "three, one empty",
       [](Sketch &s) {
         s.output(concat(
             {s.input({2, 3, 2}), s.input({2, 0, 2}), permute(s.input({2, 2, 1}), {0, 2, 1})}, 1));
       }},
      {"gather", "rows, some twice",
       [](Sketch &s) {
         s.output(gather(s.input({5, 3}), s.indices({2, 4}, 5), 0));
       }},
      {"gather", "the middle axis by a scalar",
       [](Sketch &s) {
         s.output(gather(s.input({2, 5, 3}), s.indices(Shape(), 5), 1));
       }},
      {"scatter_add", "into rows, some twice",
       [](Sketch &s) {
         s.output(scatter_add(s.input({4, 3}), s.indices({6}, 4), s.input({6, 3}), 0));
       }},
      {"scatter_add", "along the last axis with indices outside",
       [](Sketch &s) {
         const Term indices = s.constant({DType::kI64, {4}}, {0, -1, 2, 7});
         s.output(scatter_add(s.input({2, 3}), indices, s.input({2, 4}), -1));
       }},
  };
}

}  // namespace flame::gradient_test
