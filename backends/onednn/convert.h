// Floats in memory as f32 in a block that fits the cache, and back: how bf16 and f16 are computed.
#pragma once

#include <cstdint>

#include "flame/tensor.h"

namespace flame::onednn {

// `count` contiguous elements of f32, bf16 or f16, from and to f32. To a narrower type they are
// rounded to nearest, halves to even; NaN stays NaN. One thread.
void to_f32(flame_dtype dtype, const void *from, int64_t count, float *to);
void from_f32(flame_dtype dtype, const float *from, int64_t count, void *to);

// The same with all threads, for large tensors.
void to_f32_parallel(flame_dtype dtype, const void *from, int64_t count, float *to);
void from_f32_parallel(flame_dtype dtype, const float *from, int64_t count, void *to);

}  // namespace flame::onednn
