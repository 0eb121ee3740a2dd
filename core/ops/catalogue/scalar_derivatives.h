// The derivatives of the scalar functions, in the code of `map`.
#pragma once

#include "flame/map_code.hpp"

namespace flame {

// One piece of code for each operand of the function. Its inputs are x0 … x2 = the operands,
// x3 = the function's result, x4 = the cotangent of that; its output is what the operand gets.
struct ScalarDerivative {
  bool zero = true;  // the operand gets nothing: the function is constant there, or not a float's
  MapCode code;
};
inline constexpr uint32_t kDerivativeInputs = 5;

// The function is of kScalarFunctions, the operand below its arity. [any]
const ScalarDerivative &derivative_of(const ScalarFunction &function, uint32_t operand);

}  // namespace flame
