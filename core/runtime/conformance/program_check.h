// A whole program on two devices: every output compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/program/program.h"
#include "core/runtime/conformance/compare.h"
#include "core/runtime/device.h"
#include "core/tensor/host_tensor.h"

namespace flame::conformance {

// The program with f64 in place of every other float, also where attributes name types.
Result<Program> widened_program(const Program &program);

// What a program's outputs may differ by: docs of the gates stand beside tier_of().
struct Tier {
  std::string_view name;  // of the narrowest type that the program computes with: "f32"
  Tolerance each;         // of one tensor
  double joined_ratio;    // norm ratio of all outputs together
  double one_minus_cosine;
  // Of the median and of all outputs together, norm-relative; 0: not judged.
  double middle = 0;
};
Tier tier_of(const Program &program);

struct OutputCheck {
  std::string name;
  TensorType type;
  Difference difference;
  // Norm-relative. More than the tier's, where the output hangs on the last digits of what it is made of.
  double allowed = 0;
  std::string wrong;  // empty: near enough
};

struct ProgramCheck {
  Tier tier;
  std::vector<OutputCheck> outputs;  // in the program's order
  double joined_ratio = 0;           // norm ratio of all outputs together, off by so much
  double joined_error = 0;           // and norm-relative error
  double median_error = 0;

  bool equal() const;  // near enough
};

// Allows this output so much, if that is more than the tier does.
void allow(OutputCheck &output, const Tier &tier, double norm_relative);

// Tensors of the same names, types and shapes; or `expected` wider. Outputs that are tiny beside the others are judged by
// their size beside the others; whole numbers by their bits.
ProgramCheck compare_outputs(const std::vector<std::string> &names, const TensorMap &expected,
                             const TensorMap &seen, const Tier &tier);

// Inputs and parameters for a program, the same for the same seed: floats normal, matrices scaled so
// that products keep their size, whole numbers 0 or 1.
TensorMap seeded_values(const Program &program, uint64_t seed);

// Runs the program on both. The reference computes with floats widened to f64.
Result<ProgramCheck> check_program(Device &reference, Device &candidate, const Program &program,
                                   uint64_t seed);

}  // namespace flame::conformance
