// Slices chosen by indices: gather and embedding.
#pragma once

#include "backends/onednn/op_plan.h"

namespace flame::onednn {

// Output 0 holds the slices of input `x` along `axis` that input `indices` names; zeros for an index
// outside.
std::unique_ptr<OpPlan> plan_gather_along(const flame::Op &op, uint32_t x, uint32_t indices,
                                          uint32_t axis);

// The index at `offset` (in elements) of an i64 or i32 tensor.
inline int64_t index_at(flame_dtype dtype, const char *indices, int64_t offset) {
  if (dtype == FLAME_DTYPE_I64) return reinterpret_cast<const int64_t *>(indices)[offset];
  return reinterpret_cast<const int32_t *>(indices)[offset];
}

}  // namespace flame::onednn
