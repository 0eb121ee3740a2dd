// Conformance cases of map: every scalar function, then chains of them.
#include <string>

#include "core/runtime/conformance/op_case.h"
#include "flame/scalar_functions.hpp"

namespace flame::conformance {
namespace {

// Functions that jump or are read off bit by bit: in another precision they may end elsewhere.
bool jumps(const ScalarFunction &function) {
  static constexpr std::string_view kNames[] = {"floor",     "ceil", "round",
                                                "floor_div", "mod",  "sign"};
  if (function.rule == ScalarRule::kComparison || function.rule == ScalarRule::kLogical)
    return true;
  for (const std::string_view name : kNames) {
    if (function.name == name) return true;
  }
  return false;
}

OpCase of_code(std::string code, std::vector<CaseOperand> inputs) {
  return {.inputs = std::move(inputs), .attributes = {{"code", std::move(code)}}};
}

}  // namespace

OpCases map_cases() {
  OpCases cases;
  for (const ScalarFunction &function : kScalarFunctions) {
    OpCase c = of_code(std::string(function.name), {});
    std::string code(function.name);
    for (uint32_t i = 0; i < function.arity; ++i) {
      c.inputs.push_back(in({3, 37}));
      code += " x" + std::to_string(i);
    }
    c.attributes.set("code", code);
    c.oracle_in_own_type = jumps(function);
    c.contents = {Content::kNormal, Content::kWide, Content::kSpecial};
    cases.push_back(std::move(c));
  }
  const std::string chain = "mul x0 x1; add t0 x2; silu t1; sub t2 x0; tanh t3";
  // One element, none, a scalar, one more than a block of vectors, and many.
  for (const Shape &shape : {Shape{1}, Shape{0}, Shape{}, Shape{5, 0, 2}, Shape{7, 11, 3},
                             Shape{257}, Shape{4099}, Shape{150, 211}}) {
    cases.push_back(of_code(chain, {in(shape), in(shape), in(shape)}));
  }
  // Shapes that broadcast from every side.
  cases.push_back(of_code(chain, {in({5, 7, 33}), in({33}), in({7, 1})}));
  cases.push_back(of_code(chain, {in({5, 1, 9}), in({1, 6, 9}), in({})}));
  cases.push_back(of_code(chain, {in({4, 1}), in({1, 4}), in({2, 1, 1})}));
  // Several answers, also one that is an input; the same input twice.
  cases.push_back(of_code("exp x0; mul t0 x1 -> t1 t0 x0", {in({3, 21}), in({21})}));
  cases.push_back(of_code("mul x0 x0; add t0 x0", {in({6, 35})}));
  // Types that mix, constants, selection.
  const CaseOperand whole = fixed({3, 21}, DType::kI32, Content::kWhole);
  const CaseOperand truth = fixed({3, 21}, DType::kBool, Content::kTruths);
  cases.push_back(of_code("mul x0 x1; add t0 1.5", {in({3, 21}), whole}));
  cases.push_back(of_code("where x1 x0 2.0", {in({3, 21}), truth}));
  cases.push_back(of_code("gt x0 0.25; where t0 x1 x0", {in({3, 21}), in({3, 21})}));
  OpCase stored = of_code("gt x0 0.25; round x0 -> t0 t1 x0", {in({3, 21})});
  stored.attributes.set("dtypes", std::vector<std::string>{"bool", "i32", ""});
  stored.oracle_in_own_type = true;
  cases.push_back(stored);
  OpCase to_narrow = of_code("mul x0 3.0 -> t0 t0 t0", {in({5, 33})});
  to_narrow.attributes.set("dtypes", std::vector<std::string>{"bf16", "f16", "f32"});
  cases.push_back(to_narrow);
  // A step of an optimizer.
  cases.push_back(
      of_code("mul x1 x1; mul t0 0.001; mul x2 0.999; add t1 t2; sqrt t3; add t4 1e-8; div x1 t5; "
              "mul t6 0.01; sub x0 t7 -> t8 t3",
              {in({1000}), in({1000}), in({1000}, Content::kPositive)}));
  return cases;
}

}  // namespace flame::conformance
