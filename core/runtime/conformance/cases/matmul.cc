// Conformance cases of matmul.
#include "core/runtime/conformance/op_case.h"

namespace flame::conformance {

OpCases matmul_cases() {
  OpCases cases;
  struct Sizes {
    int64_t m, k, n;
  };
  // Odd, one, a register's width and one more, 77 keys, a long sum, few columns, and nothing at all.
  for (const auto &[m, k, n] :
       {Sizes{3, 5, 7}, Sizes{1, 1, 1}, Sizes{1, 33, 17}, Sizes{16, 16, 16}, Sizes{17, 77, 9},
        Sizes{5, 640, 3}, Sizes{64, 300, 65}, Sizes{35, 96, 24}, Sizes{0, 4, 3}, Sizes{4, 0, 3},
        Sizes{4, 3, 0}}) {
    for (const bool a : {false, true}) {
      for (const bool b : {false, true}) {
        const Attributes attributes{{"transpose_a", a}, {"transpose_b", b}};
        const Shape left = a ? Shape{k, m} : Shape{m, k};
        const Shape right = b ? Shape{n, k} : Shape{k, n};
        cases.push_back({.inputs = {in(left), in(right)}, .attributes = attributes});
        cases.push_back({.inputs = {in(left), in(right), in({m, n})}, .attributes = attributes});
      }
    }
  }
  // What a LoRA's products are like: few columns, few terms, and long sums of few columns on either side.
  for (const bool transposed : {false, true}) {
    const auto factor = [&](int64_t rows, int64_t columns) {
      return in(transposed ? Shape{columns, rows} : Shape{rows, columns});
    };
    const Attributes attributes{{"transpose_b", transposed}};
    cases.push_back({.inputs = {in({35, 96}), factor(96, 8)}, .attributes = attributes});
    cases.push_back({.inputs = {in({35, 96}), factor(96, 16)}, .attributes = attributes});
    cases.push_back({.inputs = {in({35, 16}), factor(16, 128)}, .attributes = attributes});
    cases.push_back(
        {.inputs = {in({35, 16}), factor(16, 128), in({35, 128})}, .attributes = attributes});
    cases.push_back(
        {.inputs = {in({19, 32}), factor(32, 64), in({19, 64})}, .attributes = attributes});
  }
  for (const std::string dtype : {"", "f32"}) {
    const Attributes attributes{{"transpose_a", true}, {"dtype", dtype}};
    for (const auto &[m, k, n] : {Sizes{48, 77, 16}, Sizes{16, 300, 48}, Sizes{64, 1040, 16}})
      cases.push_back({.inputs = {in({k, m}), in({k, n})}, .attributes = attributes});
  }
  // Batches, also those that repeat on either side.
  for (const auto &[a, b] : {std::pair{Shape{2, 3, 5}, Shape{2, 5, 4}},
                             {Shape{2, 3, 4, 5}, Shape{2, 3, 5, 6}},
                             {Shape{2, 1, 4, 5}, Shape{3, 5, 6}},
                             {Shape{3, 4, 5}, Shape{5, 6}},
                             {Shape{4, 5}, Shape{3, 5, 6}},
                             {Shape{0, 4, 5}, Shape{0, 5, 6}}}) {
    cases.push_back({.inputs = {in(a), in(b)}});
  }
  cases.push_back({.inputs = {in({2, 7, 33}), in({2, 9, 33}), in({2, 7, 9})},
                   .attributes = {{"transpose_b", true}}});
  // Narrow operands with an f32 answer.
  cases.push_back(
      {.inputs = {in({7, 19}), in({19, 5})}, .attributes = {{"dtype", std::string("f32")}}});
  CaseOperand c = computed({7, 5}, Content::kOfCase);
  cases.push_back(
      {.inputs = {in({7, 19}), in({19, 5}), c}, .attributes = {{"dtype", std::string("f32")}}});
  return cases;
}

}  // namespace flame::conformance
