// What a backend checks of an op before it takes it, and the words of its refusals. All of them throw
// unsupported(), which the host answers by a copy, by the op's decomposition, or by a message to the user. [any]
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "flame/backend.hpp"

namespace flame {

// f32, or bf16 or f16, which are stored so and computed in f32.
inline bool computes_in_f32(flame_dtype dtype) {
  return dtype == FLAME_DTYPE_F32 || dtype == FLAME_DTYPE_BF16 || dtype == FLAME_DTYPE_F16;
}

// Refuses attributes that are not among the known ones: they may change what the op means.
template <typename Names = std::initializer_list<std::string_view>>
void expect_attributes(const Op &op, const Names &known) {
  for (const flame_attribute &attribute : op.attributes()) {
    const std::string_view name = view(attribute.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw unsupported(op.name(), " with the attribute '", name, "' is not known here");
  }
}

// Refuses a tensor that is not f32, bf16 or f16.
inline void expect_float(const Op &op, const flame_tensor &tensor) {
  if (computes_in_f32(tensor.dtype)) return;
  throw unsupported(
      op.name(), " takes f32, bf16 and f16, not ", to_text(tensor),
      tensor.dtype == FLAME_DTYPE_F64 ? "; the backend 'reference' computes in f64" : "");
}

// Refuses a tensor whose elements do not stand one after the other; the host then inserts a copy.
inline void expect_contiguous(const Op &op, std::string_view name, const flame_tensor &tensor) {
  if (is_contiguous(tensor) || element_count(tensor) == 0) return;
  throw unsupported(op.name(), " needs contiguous tensors, but ", name, ", ", to_text(tensor),
                    ", is strided");
}

// All inputs and outputs f32, bf16 or f16.
inline void expect_floats(const Op &op) {
  for (uint32_t i = 0; i < op.input_count(); ++i) expect_float(op, op.input(i));
  for (uint32_t i = 0; i < op.output_count(); ++i) expect_float(op, op.output(i));
}

// All inputs and outputs contiguous, but input `free`, which may lie in any way.
inline void expect_all_contiguous(const Op &op, uint32_t free = UINT32_MAX) {
  for (uint32_t i = 0; i < op.input_count(); ++i)
    if (i != free) expect_contiguous(op, text("input ", i), op.input(i));
  for (uint32_t i = 0; i < op.output_count(); ++i)
    expect_contiguous(op, text("output ", i), op.output(i));
}

}  // namespace flame
