// The scalar functions of the op `map`: one table for the host, the backends and docs/ops.md.
#ifndef FLAME_SCALAR_FUNCTIONS_HPP
#define FLAME_SCALAR_FUNCTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flame {

// How a function treats its operands. Operands are bool, integer or float; "joined" means that they
// are converted to the widest of their classes, bool counting as 0 or 1 where numbers are meant.
enum class ScalarRule : uint8_t {
  kArithmetic,  // joined, at least integer; the result has the same class
  kFloat,       // converted to float; the result is a float
  kComparison,  // joined; the result is bool
  kLogical,     // converted to bool (not zero); the result is bool
  kSelect,      // the first converted to bool, the others joined; the result is of their class
};

struct ScalarFunction {
  std::string_view name;
  uint32_t arity;
  ScalarRule rule;
  std::string_view formula;  // in the operands a, b, c
};

inline constexpr ScalarFunction kScalarFunctions[] = {
    {"add", 2, ScalarRule::kArithmetic, "a + b; integers wrap at 64 bits"},
    {"sub", 2, ScalarRule::kArithmetic, "a - b; integers wrap at 64 bits"},
    {"mul", 2, ScalarRule::kArithmetic, "a · b; integers wrap at 64 bits"},
    {"neg", 1, ScalarRule::kArithmetic, "-a"},
    {"abs", 1, ScalarRule::kArithmetic, "|a|"},
    {"sign", 1, ScalarRule::kArithmetic, "-1, 0 or 1; 0 for both zeros, NaN for NaN"},
    {"square", 1, ScalarRule::kArithmetic, "a · a"},
    {"min", 2, ScalarRule::kArithmetic, "the smaller; NaN if either is NaN; a if they are equal"},
    {"max", 2, ScalarRule::kArithmetic, "the larger; NaN if either is NaN; a if they are equal"},
    {"clamp", 3, ScalarRule::kArithmetic, "min(max(a, b), c)"},
    {"floor", 1, ScalarRule::kArithmetic, "the largest whole number ≤ a"},
    {"ceil", 1, ScalarRule::kArithmetic, "the smallest whole number ≥ a"},
    {"round", 1, ScalarRule::kArithmetic, "the nearest whole number, halves to the even one"},
    {"floor_div", 2, ScalarRule::kArithmetic, "floor(a / b); integers: 0 if b is 0"},
    {"mod", 2, ScalarRule::kArithmetic,
     "a - b · floor(a / b), so it has the sign of b; integers: 0 if b is 0; floats: fmod(a, b), "
     "plus b "
     "if that is not 0 and of the other sign"},
    {"div", 2, ScalarRule::kFloat, "a / b"},
    {"reciprocal", 1, ScalarRule::kFloat, "1 / a"},
    {"pow", 2, ScalarRule::kFloat, "a to the b, as pow of C"},
    {"sqrt", 1, ScalarRule::kFloat, "√a"},
    {"rsqrt", 1, ScalarRule::kFloat, "1 / √a"},
    {"exp", 1, ScalarRule::kFloat, "eᵃ"},
    {"expm1", 1, ScalarRule::kFloat, "eᵃ - 1, exact near 0"},
    {"log", 1, ScalarRule::kFloat, "ln a"},
    {"log1p", 1, ScalarRule::kFloat, "ln(1 + a), exact near 0"},
    {"sin", 1, ScalarRule::kFloat, "sin a"},
    {"cos", 1, ScalarRule::kFloat, "cos a"},
    {"tanh", 1, ScalarRule::kFloat, "tanh a"},
    {"erf", 1, ScalarRule::kFloat, "2/√π · ∫₀ᵃ exp(-s²) ds"},
    {"sigmoid", 1, ScalarRule::kFloat, "1 / (1 + exp(-a))"},
    {"softplus", 1, ScalarRule::kFloat, "ln(1 + eᵃ), as max(a, 0) + log1p(exp(-|a|))"},
    {"relu", 1, ScalarRule::kFloat, "max(a, 0)"},
    {"leaky_relu", 2, ScalarRule::kFloat, "a if a > 0, else a · b"},
    {"elu", 2, ScalarRule::kFloat, "a if a > 0, else b · expm1(a)"},
    {"silu", 1, ScalarRule::kFloat, "a · sigmoid(a)"},
    {"gelu", 1, ScalarRule::kFloat, "a/2 · (1 + erf(a/√2))"},
    {"gelu_tanh", 1, ScalarRule::kFloat, "a/2 · (1 + tanh(√(2/π) · (a + 0.044715 a³)))"},
    {"quick_gelu", 1, ScalarRule::kFloat, "a · sigmoid(1.702 a)"},
    {"mish", 1, ScalarRule::kFloat, "a · tanh(softplus(a))"},
    {"eq", 2, ScalarRule::kComparison, "a = b; false if either is NaN"},
    {"ne", 2, ScalarRule::kComparison, "a ≠ b; true if either is NaN"},
    {"lt", 2, ScalarRule::kComparison, "a < b"},
    {"le", 2, ScalarRule::kComparison, "a ≤ b"},
    {"gt", 2, ScalarRule::kComparison, "a > b"},
    {"ge", 2, ScalarRule::kComparison, "a ≥ b"},
    {"and", 2, ScalarRule::kLogical, "both"},
    {"or", 2, ScalarRule::kLogical, "at least one"},
    {"not", 1, ScalarRule::kLogical, "the opposite"},
    {"where", 3, ScalarRule::kSelect, "b if a, else c; the other operand has no influence"},
};
inline constexpr size_t kScalarFunctionCount =
    sizeof(kScalarFunctions) / sizeof(kScalarFunctions[0]);

// Null if there is none of that name.
inline const ScalarFunction *find_scalar_function(std::string_view name) {
  for (const ScalarFunction &function : kScalarFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace flame

#endif
