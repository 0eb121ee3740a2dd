// The inner loops of reductions: floats are joined in f64, so that sums of any length stay exact to
// f32, and integers in 64 bits.
#pragma once

#include <cstdint>

#include "backends/onednn/value_class.h"

namespace flame::onednn {

enum class FoldKind : uint8_t {
  kSum,
  kProduct,
  kMaximum,  // NaN if an element is
  kMinimum,
};

// The class of the accumulators for values of a class: kF64 or kInteger.
inline ValueClass fold_class(ValueClass values) {
  return values == ValueClass::kInteger ? ValueClass::kInteger : ValueClass::kF64;
}

// `count` accumulators of the kind before anything is joined; extremes of integers are those of
// `dtype`.
void fold_start(FoldKind kind, flame_dtype dtype, void *accumulators, int64_t count);
// Joins `count` values to one accumulator.
void fold_row(FoldKind kind, ValueClass value_class, const void *values, int64_t count,
              void *accumulator);
// Joins `count` values to `count` accumulators.
void fold_columns(FoldKind kind, ValueClass value_class, const void *values, int64_t count,
                  void *accumulators);

}  // namespace flame::onednn
