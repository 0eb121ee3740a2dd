// The scalar functions of maps as loops over contiguous values: what a map's program is made of.
#pragma once

#include <cstdint>

#include "backends/onednn/value_class.h"
#include "flame/scalar_functions.hpp"

namespace flame::onednn {

// The place of a function in flame::kScalarFunctions. Made at compile time in the cases of a switch.
constexpr uint32_t function_number(std::string_view name) {
  for (uint32_t i = 0; i < kScalarFunctionCount; ++i) {
    if (kScalarFunctions[i].name == name) return i;
  }
  throw "there is no such scalar function";
}

// The minimum and maximum of the catalogue: one instruction, which gives a if they are equal or a
// is NaN, and then b where b is NaN.
template <typename T>
inline T smaller(T a, T b) {
  const T chosen = b < a ? b : a;
  return b != b ? b : chosen;
}

template <typename T>
inline T larger(T a, T b) {
  const T chosen = b > a ? b : a;
  return b != b ? b : chosen;
}

// out[i] = function(a[i], b[i], c[i]), computed in a class: that of the operands (of `where`: of b
// and c, while a is a bool). A comparison's answers are bools, all others of the class. `out` may be
// an operand of the same class. Operands that the function does not have are not read.
// Bit k of `repeats` says that operand k holds its first value everywhere.
void run_step(uint32_t function, ValueClass value_class, uint32_t repeats, const void *a,
              const void *b, const void *c, void *out, int64_t count);

// The classes that run_step() hands to these.
void run_f32_step(uint32_t function, uint32_t repeats, const void *a, const void *b, const void *c,
                  void *out, int64_t count);
void run_f64_step(uint32_t function, uint32_t repeats, const void *a, const void *b, const void *c,
                  void *out, int64_t count);

}  // namespace flame::onednn
