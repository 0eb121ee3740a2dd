// How far an answer is from the oracle's, and how far it may be.
#pragma once

#include <optional>
#include <string>

#include "core/tensor/host_tensor.h"

namespace flame::conformance {

struct Difference {
  double norm_relative = 0;  // ‖seen - expected‖ / ‖expected‖; 1 if a zero answer is not zero
  double norm_ratio = 0;     // | ‖seen‖ / ‖expected‖ - 1 |
  double one_minus_cosine = 0;
  double max_absolute = 0;
  // The first element whose bits differ, or for inexact comparison whose kind (NaN, infinity)
  // differs, in words: "at [0, 3]: 1.5, expected 2". Empty if there is none.
  std::string first;
  // Almost all elements are zero though many of the oracle's are not.
  bool mistrusted = false;
};

// What is allowed for an output of one type.
struct Tolerance {
  double norm_relative = 0;
  double norm_ratio = 0;
};

// `roundings` counts how often the contract lets the type round on the way to the answer.
Tolerance tolerance_for(DType dtype, int roundings = 1);

// The same bits; NaN equals NaN whatever its payload, and if `zeros_are_equal` -0 equals 0.
Difference compare_bits(const HostTensor &expected, const HostTensor &seen, bool zeros_are_equal);

// `expected` is the exact answer, of f64 or of seen's type. NaN and infinities, also those that
// rounding to seen's type makes, stand exactly where they stand in the oracle; the rest is measured.
Difference compare_numbers(const HostTensor &expected, const HostTensor &seen);

// Empty if the difference is allowed, else which measure is too large.
std::string exceeds(const Difference &difference, const Tolerance &tolerance);

}  // namespace flame::conformance
