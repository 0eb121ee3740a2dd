// Lets a program that is written in f32 store and multiply in bf16 or f16.
#pragma once

#include "core/program/program.h"

namespace flame {

// How each op takes part stands in its definition (PrecisionRule). Only values that are f32 in the
// given program are changed.
struct PrecisionPolicy {
  DType compute = DType::kF32;  // f32, bf16 or f16
};

struct PrecisionCounts {
  size_t casts = 0;              // nodes that were added
  size_t narrow_parameters = 0;  // frozen ones that are stored in the compute type now
};

// The program with values between ops and frozen parameters in the compute type. Inputs, trainable
// parameters (the masters) and outputs keep their types. What only goes to losses, to islands or
// out of the program stays f32, as do the values that are made of f32 inputs before the first
// product: noising, time embeddings. With f32: the program itself. Linear in the number of nodes.
Result<Program> apply_precision(const Program &program, PrecisionPolicy policy,
                                PrecisionCounts *counts = nullptr);

}  // namespace flame
