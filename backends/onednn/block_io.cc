#include "backends/onednn/block_io.h"

#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "backends/onednn/stored_types.h"

namespace flame::onednn {
namespace {

std::array<float, 256> values_of(const FloatFormat &format) {
  std::array<float, 256> values;
  for (uint32_t bits = 0; bits < 256; ++bits)
    values[bits] = static_cast<float>(decode_float(format, bits));
  return values;
}

template <typename Stored, typename Value>
inline void load_loop(const void *from, int64_t stride, int64_t count, Value *to) {
  const auto *elements = static_cast<const Stored *>(from);
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) to[i] = loaded<Value>(elements[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = loaded<Value>(elements[i * stride]);
  }
}

template <typename Stored, typename Value>
inline void store_loop(const Value *from, int64_t count, void *to, int64_t stride) {
  auto *elements = static_cast<Stored *>(to);
  if (stride == 1) {
    for (int64_t i = 0; i < count; ++i) elements[i] = stored<Stored>(from[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) elements[i * stride] = stored<Stored>(from[i]);
  }
}

template <typename Value>
inline void load_floats(flame_dtype dtype, const void *from, int64_t stride, int64_t count,
                        Value *to) {
  switch (dtype) {
    case FLAME_DTYPE_F32:
      return load_loop<float>(from, stride, count, to);
    case FLAME_DTYPE_BF16:
      return load_loop<Bf16>(from, stride, count, to);
    case FLAME_DTYPE_F16:
      return load_loop<F16>(from, stride, count, to);
    case FLAME_DTYPE_F8_E4M3:
      return load_loop<F8E4M3>(from, stride, count, to);
    case FLAME_DTYPE_F8_E5M2:
      return load_loop<F8E5M2>(from, stride, count, to);
    default:
      return load_loop<double>(from, stride, count, to);
  }
}

template <typename Value>
inline void store_values(const Value *from, int64_t count, flame_dtype dtype, void *to,
                         int64_t stride) {
  switch (dtype) {
    case FLAME_DTYPE_F64:
      return store_loop<double>(from, count, to, stride);
    case FLAME_DTYPE_F32:
      return store_loop<float>(from, count, to, stride);
    case FLAME_DTYPE_BF16:
      return store_loop<Bf16>(from, count, to, stride);
    case FLAME_DTYPE_F16:
      return store_loop<F16>(from, count, to, stride);
    case FLAME_DTYPE_F8_E4M3:
      return store_loop<F8E4M3>(from, count, to, stride);
    case FLAME_DTYPE_F8_E5M2:
      return store_loop<F8E5M2>(from, count, to, stride);
    case FLAME_DTYPE_I64:
      return store_loop<int64_t>(from, count, to, stride);
    case FLAME_DTYPE_I32:
      return store_loop<int32_t>(from, count, to, stride);
    case FLAME_DTYPE_U8:
      return store_loop<uint8_t>(from, count, to, stride);
    default:
      return store_loop<Bool>(from, count, to, stride);
  }
}

// Each is compiled for three generations of processors, with everything that it calls.
[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void load_f32(
    flame_dtype dtype, const void *from, int64_t stride, int64_t count, float *to) {
  load_floats(dtype, from, stride, count, to);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void load_f64(
    flame_dtype dtype, const void *from, int64_t stride, int64_t count, double *to) {
  load_floats(dtype, from, stride, count, to);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
load_integers(flame_dtype dtype, const void *from, int64_t stride, int64_t count, int64_t *to) {
  if (dtype == FLAME_DTYPE_I64) return load_loop<int64_t>(from, stride, count, to);
  if (dtype == FLAME_DTYPE_I32) return load_loop<int32_t>(from, stride, count, to);
  load_loop<uint8_t>(from, stride, count, to);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void store_f32(
    const float *from, int64_t count, flame_dtype dtype, void *to, int64_t stride) {
  store_values(from, count, dtype, to, stride);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void store_f64(
    const double *from, int64_t count, flame_dtype dtype, void *to, int64_t stride) {
  store_values(from, count, dtype, to, stride);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
store_integers(const int64_t *from, int64_t count, flame_dtype dtype, void *to, int64_t stride) {
  store_values(from, count, dtype, to, stride);
}

template <typename Value>
void fill_values(Value value, int64_t count, void *to) {
  auto *values = static_cast<Value *>(to);
  for (int64_t i = 0; i < count; ++i) values[i] = value;
}

// The first of `count` values everywhere.
void repeat_first(ValueClass value_class, int64_t count, void *to) {
  switch (value_class) {
    case ValueClass::kBool:
      return fill_values(*static_cast<uint8_t *>(to), count, to);
    case ValueClass::kInteger:
      return fill_values(*static_cast<int64_t *>(to), count, to);
    case ValueClass::kF32:
      return fill_values(*static_cast<float *>(to), count, to);
    case ValueClass::kF64:
      return fill_values(*static_cast<double *>(to), count, to);
  }
}

constexpr int64_t kTurnedRows = 1024;

template <typename Value>
void scatter_column(const void *from, int64_t rows, void *to, int64_t columns) {
  const auto *values = static_cast<const Value *>(from);
  auto *column = static_cast<Value *>(to);
  for (int64_t row = 0; row < rows; ++row) column[row * columns] = values[row];
}

const char *moved(const void *base, int64_t bytes) {
  return static_cast<const char *>(base) + bytes;
}
char *moved(void *base, int64_t bytes) {
  return static_cast<char *>(base) + bytes;
}

// A block whose neighbours lie along the rows: read in its own order, so that each cache line comes
// once.
void load_turned(flame_dtype dtype, const void *from, const BlockLayout &layout,
                 ValueClass to_class, void *to) {
  alignas(64) char column[kTurnedRows * 8];
  for (int64_t i = 0; i < layout.columns; ++i) {
    const int64_t place = i * layout.column_stride * int64_t{FLAME_DTYPE_BYTES(dtype)};
    load_row(dtype, moved(from, place), 1, layout.rows, to_class, column);
    char *target = moved(to, i * size_of(to_class));
    switch (size_of(to_class)) {
      case 1:
        scatter_column<uint8_t>(column, layout.rows, target, layout.columns);
        break;
      case 4:
        scatter_column<uint32_t>(column, layout.rows, target, layout.columns);
        break;
      default:
        scatter_column<uint64_t>(column, layout.rows, target, layout.columns);
    }
  }
}

}  // namespace

const std::array<float, 256> kF8E4M3Values = values_of(kFormatF8E4M3);
const std::array<float, 256> kF8E5M2Values = values_of(kFormatF8E5M2);

void load_row(flame_dtype dtype, const void *from, int64_t stride, int64_t count,
              ValueClass to_class, void *to) {
  switch (to_class) {
    case ValueClass::kBool:
      return load_loop<Bool>(from, stride, count, static_cast<uint8_t *>(to));
    case ValueClass::kInteger:
      return load_integers(dtype, from, stride, count, static_cast<int64_t *>(to));
    case ValueClass::kF32:
      return load_f32(dtype, from, stride, count, static_cast<float *>(to));
    case ValueClass::kF64:
      return load_f64(dtype, from, stride, count, static_cast<double *>(to));
  }
}

void store_row(ValueClass from_class, const void *from, int64_t count, flame_dtype dtype, void *to,
               int64_t stride) {
  switch (from_class) {
    case ValueClass::kBool:
      return store_values(static_cast<const uint8_t *>(from), count, dtype, to, stride);
    case ValueClass::kInteger:
      return store_integers(static_cast<const int64_t *>(from), count, dtype, to, stride);
    case ValueClass::kF32:
      return store_f32(static_cast<const float *>(from), count, dtype, to, stride);
    case ValueClass::kF64:
      return store_f64(static_cast<const double *>(from), count, dtype, to, stride);
  }
}

void load_block(flame_dtype dtype, const void *from, const BlockLayout &layout, ValueClass to_class,
                void *to) {
  const int64_t bytes = FLAME_DTYPE_BYTES(dtype);
  if (layout.is_dense()) return load_row(dtype, from, 1, layout.count(), to_class, to);
  if (layout.row_stride == 0 && layout.column_stride == 0) {
    load_row(dtype, from, 1, 1, to_class, to);
    return repeat_first(to_class, layout.count(), to);
  }
  if (layout.columns == 1)
    return load_row(dtype, from, layout.row_stride, layout.rows, to_class, to);
  if (layout.row_stride == 1 && layout.column_stride != 0 && layout.rows <= kTurnedRows)
    return load_turned(dtype, from, layout, to_class, to);
  const int64_t row_bytes = layout.columns * size_of(to_class);
  for (int64_t row = 0; row < layout.rows; ++row) {
    char *target = moved(to, row * row_bytes);
    if (row > 0 && layout.row_stride == 0) {
      std::memcpy(target, to, static_cast<size_t>(row_bytes));
      continue;
    }
    const bool repeats = layout.column_stride == 0;
    load_row(dtype, moved(from, row * layout.row_stride * bytes), layout.column_stride,
             repeats ? 1 : layout.columns, to_class, target);
    if (repeats) repeat_first(to_class, layout.columns, target);
  }
}

void store_block(ValueClass from_class, const void *from, flame_dtype dtype, void *to,
                 const BlockLayout &layout) {
  if (layout.is_dense()) return store_row(from_class, from, layout.count(), dtype, to, 1);
  const int64_t bytes = FLAME_DTYPE_BYTES(dtype);
  for (int64_t row = 0; row < layout.rows; ++row) {
    store_row(from_class, moved(from, row * layout.columns * size_of(from_class)), layout.columns,
              dtype, moved(to, row * layout.row_stride * bytes), layout.column_stride);
  }
}

void convert_values(ValueClass from_class, const void *from, int64_t count, ValueClass to_class,
                    void *to) {
  constexpr flame_dtype kTypes[] = {FLAME_DTYPE_BOOL, FLAME_DTYPE_I64, FLAME_DTYPE_F32,
                                    FLAME_DTYPE_F64};
  store_row(from_class, from, count, kTypes[static_cast<int>(to_class)], to, 1);
}

void stream_copy(const void *from, int64_t bytes, void *to) {
#if defined(__x86_64__)
  if (reinterpret_cast<uintptr_t>(to) % 16 == 0 && reinterpret_cast<uintptr_t>(from) % 16 == 0) {
    const auto *source = static_cast<const __m128i *>(from);
    auto *target = static_cast<__m128i *>(to);
    const int64_t whole = bytes / 16;
    for (int64_t i = 0; i < whole; ++i) _mm_stream_si128(target + i, _mm_load_si128(source + i));
    std::memcpy(target + whole, source + whole, static_cast<size_t>(bytes % 16));
    return;
  }
#endif
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

void stream_fence() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace flame::onednn
