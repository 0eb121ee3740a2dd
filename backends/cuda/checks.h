// What planners check of an op, and the words of their refusals.
#pragma once

#include <initializer_list>
#include <string_view>

#include "flame/backend.hpp"

namespace flame::cuda {

// f32, or bf16 or f16, which are stored so and computed in f32.
bool is_float(flame_dtype dtype);

// Refuses attributes that are not named here: they may change what the op means.
void expect_attributes(const flame::Op &op, std::initializer_list<std::string_view> known);

// Refuses any input or output that is not f32, bf16 or f16.
void expect_floats(const flame::Op &op);

// Refuses a tensor whose elements do not stand one after the other; the host then inserts a copy.
void expect_contiguous(const flame::Op &op, std::string_view name, const flame_tensor &tensor);

// All inputs and outputs contiguous, but input `free`, which may lie in any way.
void expect_all_contiguous(const flame::Op &op, uint32_t free = UINT32_MAX);

}  // namespace flame::cuda
