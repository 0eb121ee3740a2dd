#include "backends/onednn/convert.h"

#include <algorithm>

#include "backends/onednn/block_io.h"

namespace flame::onednn {
namespace {

constexpr int64_t kBlock = 16384;  // elements: large enough that threads pay

}  // namespace

void to_f32(flame_dtype dtype, const void *from, int64_t count, float *to) {
  load_row(dtype, from, 1, count, ValueClass::kF32, to);
}

void from_f32(flame_dtype dtype, const float *from, int64_t count, void *to) {
  store_row(ValueClass::kF32, from, count, dtype, to, 1);
}

void to_f32_parallel(flame_dtype dtype, const void *from, int64_t count, float *to) {
  const int64_t bytes = FLAME_DTYPE_BYTES(dtype);
#pragma omp parallel for schedule(static) if (count > kBlock)
  for (int64_t i = 0; i < count; i += kBlock) {
    to_f32(dtype, static_cast<const char *>(from) + i * bytes, std::min(kBlock, count - i), to + i);
  }
}

void from_f32_parallel(flame_dtype dtype, const float *from, int64_t count, void *to) {
  const int64_t bytes = FLAME_DTYPE_BYTES(dtype);
#pragma omp parallel for schedule(static) if (count > kBlock)
  for (int64_t i = 0; i < count; i += kBlock) {
    from_f32(dtype, from + i, std::min(kBlock, count - i), static_cast<char *>(to) + i * bytes);
  }
}

}  // namespace flame::onednn
