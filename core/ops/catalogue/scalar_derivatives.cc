#include "core/ops/catalogue/scalar_derivatives.h"

#include <fmt/core.h>

#include <cassert>
#include <cstdlib>
#include <vector>

namespace flame {
namespace {

// a, b, c are the operands, y the result and g its cotangent. A function that is not listed, and an
// operand with an empty text, has the derivative zero.
struct Row {
  std::string_view name;
  std::string_view operands[3];
};

constexpr Row kRows[] = {
    {"add", {"-> g", "-> g"}},
    {"sub", {"-> g", "neg g"}},
    {"mul", {"mul g b", "mul g a"}},
    {"neg", {"neg g"}},
    {"abs", {"sign a; mul g t0"}},
    {"square", {"mul a 2.0; mul g t0"}},
    {"min", {"le a b; where t0 g 0.0", "le a b; where t0 0.0 g"}},
    {"max", {"ge a b; where t0 g 0.0", "ge a b; where t0 0.0 g"}},
    // Inside the bounds, both included, the argument gets it; outside, the bound that holds.
    {"clamp",
     {"ge a b; le a c; and t0 t1; where t2 g 0.0", "lt a b; le b c; and t0 t1; where t2 g 0.0",
      "max a b; gt t0 c; where t1 g 0.0"}},
    {"mod", {"-> g", "div a b; floor t0; mul g t1; neg t2"}},
    {"div", {"div g b", "div y b; mul g t0; neg t1"}},
    {"reciprocal", {"square y; mul g t0; neg t1"}},
    // At b = 0 the power is 1 whatever a is; at a ≤ 0 the logarithm has no limit that would help.
    {"pow",
     {"eq b 0.0; sub b 1.0; pow a t1; mul b t2; where t0 0.0 t3; mul g t4",
      "gt a 0.0; where t0 a 1.0; log t1; mul y t2; mul g t3"}},
    {"sqrt", {"div 0.5 y; mul g t0"}},
    {"rsqrt", {"square y; mul y t0; mul t1 -0.5; mul g t2"}},
    {"exp", {"mul g y"}},
    {"expm1", {"add y 1.0; mul g t0"}},
    {"log", {"div g a"}},
    {"log1p", {"add a 1.0; div g t0"}},
    {"sin", {"cos a; mul g t0"}},
    {"cos", {"sin a; mul g t0; neg t1"}},
    {"tanh", {"square y; sub 1.0 t0; mul g t1"}},
    {"erf", {"square a; neg t0; exp t1; mul t2 1.1283791670955126; mul g t3"}},
    {"sigmoid", {"sub 1.0 y; mul y t0; mul g t1"}},
    {"softplus", {"sigmoid a; mul g t0"}},
    {"relu", {"gt a 0.0; where t0 g 0.0"}},
    {"leaky_relu", {"gt a 0.0; mul g b; where t0 g t1", "gt a 0.0; mul g a; where t0 0.0 t1"}},
    {"elu",
     {"gt a 0.0; add y b; mul g t1; where t0 g t2",
      "gt a 0.0; min a 0.0; expm1 t1; mul g t2; where t0 0.0 t3"}},
    {"silu", {"sigmoid a; sub 1.0 t0; mul a t1; add 1.0 t2; mul t0 t3; mul g t4"}},
    {"gelu",
     {"mul a 0.7071067811865476; erf t0; add t1 1.0; mul t2 0.5; square a; mul t4 -0.5; exp t5; "
      "mul t6 0.3989422804014327; mul a t7; add t3 t8; mul g t9"}},
    {"gelu_tanh",
     {"square a; mul t0 0.044715; add t1 1.0; mul a t2; mul t3 0.7978845608028654; tanh t4; "
      "mul t0 0.134145; add t6 1.0; mul t7 0.7978845608028654; square t5; sub 1.0 t9; mul t8 t10; "
      "mul a t11; add t12 t5; add t13 1.0; mul t14 0.5; mul g t15"}},
    {"quick_gelu",
     {"mul a 1.702; sigmoid t0; sub 1.0 t1; mul t0 t2; add 1.0 t3; mul t1 t4; mul g t5"}},
    {"mish",
     {"softplus a; tanh t0; sigmoid a; mul a t2; square t1; sub 1.0 t4; mul t3 t5; add t1 t6; "
      "mul g t7"}},
    {"where", {"", "where a g 0.0", "where a 0.0 g"}},
};

struct Derivatives {
  ScalarDerivative operands[3];
};

// One entry for each function, in the order of kScalarFunctions.
std::vector<Derivatives> read_table() {
  std::vector<Derivatives> table(kScalarFunctionCount);
  for (const Row &row : kRows) {
    const ScalarFunction *function = find_scalar_function(row.name);
    assert(function);
    for (uint32_t i = 0; i < function->arity; ++i) {
      if (row.operands[i].empty()) continue;
      ScalarDerivative &entry = table[static_cast<size_t>(function - kScalarFunctions)].operands[i];
      std::string error;
      entry.zero = !read_map_code(row.operands[i], kDerivativeInputs, entry.code, error,
                                  {"a", "b", "c", "y", "g"});
      assert(!entry.zero);
    }
  }
  return table;
}

}  // namespace

const ScalarDerivative &derivative_of(const ScalarFunction &function, uint32_t operand) {
  static const std::vector<Derivatives> table = read_table();
  return table[static_cast<size_t>(&function - kScalarFunctions)].operands[operand];
}

}  // namespace flame
