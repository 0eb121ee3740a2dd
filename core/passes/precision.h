// Lets a program that is written in f32 store and multiply in bf16 or f16.
#pragma once

#include <span>

#include "core/program/program.h"

namespace flame {

struct PrecisionPolicy {
  DType compute = DType::kF32;  // f32, bf16 or f16
};

// How an op takes part. Only values that are f32 in the given program are changed.
enum class PrecisionRole {
  kNarrow,  // its operands are cast to the compute type: products, where the time goes
  kFollow,  // narrow if an operand is that comes from a narrow op, else f32: moves data, or computes
            // in f32 whatever is stored
  kWide,    // an island: operands and answers are f32
  kSum,     // takes its operand as it lies and answers in f32
  kSource,  // makes numbers of its own, in f32
};

struct PrecisionRule {
  std::string_view op;
  PrecisionRole role;
  std::string_view reason;
  // Operands that the op itself wants in f32: saved statistics.
  uint32_t wide_operands = 0;  // bit i for operand i
};

// A rule for each op of the catalogue, by name.
std::span<const PrecisionRule> precision_rules();

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
