#include "backends/onednn/fold.h"

#include <algorithm>
#include <limits>

namespace flame::onednn {
namespace {

template <FoldKind kKind>
inline double joined(double held, double next) {
  if constexpr (kKind == FoldKind::kSum) return held + next;
  if constexpr (kKind == FoldKind::kProduct) return held * next;
  const bool is_nan = held != held || next != next;
  const double chosen =
      kKind == FoldKind::kMaximum ? (next > held ? next : held) : (next < held ? next : held);
  return is_nan ? std::numeric_limits<double>::quiet_NaN() : chosen;
}

// Sums and products wrap at 64 bits.
template <FoldKind kKind>
inline int64_t joined(int64_t held, int64_t next) {
  const auto a = static_cast<uint64_t>(held);
  const auto b = static_cast<uint64_t>(next);
  if constexpr (kKind == FoldKind::kSum) return static_cast<int64_t>(a + b);
  if constexpr (kKind == FoldKind::kProduct) return static_cast<int64_t>(a * b);
  if constexpr (kKind == FoldKind::kMaximum) return next > held ? next : held;
  return next < held ? next : held;
}

// Several accumulators side by side, so that the next value need not wait for the last.
template <FoldKind kKind, typename Value, typename Held>
inline void row(const Value *values, int64_t count, Held *accumulator) {
  constexpr int64_t kLanes = 32;
  int64_t i = 0;
  if (count >= 2 * kLanes) {
    Held lanes[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] = static_cast<Held>(values[lane]);
    for (i = kLanes; i + kLanes <= count; i += kLanes) {
#pragma omp simd
      for (int64_t lane = 0; lane < kLanes; ++lane)
        lanes[lane] = joined<kKind>(lanes[lane], static_cast<Held>(values[i + lane]));
    }
    for (int64_t lane = 0; lane < kLanes; ++lane)
      *accumulator = joined<kKind>(*accumulator, lanes[lane]);
  }
  for (; i < count; ++i) *accumulator = joined<kKind>(*accumulator, static_cast<Held>(values[i]));
}

template <FoldKind kKind, typename Value, typename Held>
inline void columns(const Value *values, int64_t count, Held *accumulators) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i)
    accumulators[i] = joined<kKind>(accumulators[i], static_cast<Held>(values[i]));
}

template <typename Value, typename Held>
inline void any_row(FoldKind kind, const void *from, int64_t count, void *to) {
  const auto *values = static_cast<const Value *>(from);
  auto *held = static_cast<Held *>(to);
  switch (kind) {
    case FoldKind::kSum:
      return row<FoldKind::kSum>(values, count, held);
    case FoldKind::kProduct:
      return row<FoldKind::kProduct>(values, count, held);
    case FoldKind::kMaximum:
      return row<FoldKind::kMaximum>(values, count, held);
    case FoldKind::kMinimum:
      return row<FoldKind::kMinimum>(values, count, held);
  }
}

template <typename Value, typename Held>
inline void any_columns(FoldKind kind, const void *from, int64_t count, void *to) {
  const auto *values = static_cast<const Value *>(from);
  auto *held = static_cast<Held *>(to);
  switch (kind) {
    case FoldKind::kSum:
      return columns<FoldKind::kSum>(values, count, held);
    case FoldKind::kProduct:
      return columns<FoldKind::kProduct>(values, count, held);
    case FoldKind::kMaximum:
      return columns<FoldKind::kMaximum>(values, count, held);
    case FoldKind::kMinimum:
      return columns<FoldKind::kMinimum>(values, count, held);
  }
}

template <typename Number>
Number start_of(FoldKind kind, Number least, Number most) {
  if (kind == FoldKind::kMaximum) return least;
  if (kind == FoldKind::kMinimum) return most;
  return kind == FoldKind::kProduct ? Number{1} : Number{0};
}

}  // namespace

void fold_start(FoldKind kind, flame_dtype dtype, void *accumulators, int64_t count) {
  if (class_of(dtype) != ValueClass::kInteger) {
    const double infinity = std::numeric_limits<double>::infinity();
    std::fill_n(static_cast<double *>(accumulators), count, start_of(kind, -infinity, infinity));
    return;
  }
  const bool wide = dtype == FLAME_DTYPE_I64;
  const int64_t least = wide ? INT64_MIN : INT32_MIN;
  const int64_t most = wide ? INT64_MAX : INT32_MAX;
  std::fill_n(static_cast<int64_t *>(accumulators), count, start_of(kind, least, most));
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void fold_row(
    FoldKind kind, ValueClass value_class, const void *values, int64_t count, void *accumulator) {
  if (value_class == ValueClass::kF32)
    return any_row<float, double>(kind, values, count, accumulator);
  if (value_class == ValueClass::kF64)
    return any_row<double, double>(kind, values, count, accumulator);
  any_row<int64_t, int64_t>(kind, values, count, accumulator);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
fold_columns(FoldKind kind, ValueClass value_class, const void *values, int64_t count,
             void *accumulators) {
  if (value_class == ValueClass::kF32)
    return any_columns<float, double>(kind, values, count, accumulators);
  if (value_class == ValueClass::kF64)
    return any_columns<double, double>(kind, values, count, accumulators);
  any_columns<int64_t, int64_t>(kind, values, count, accumulators);
}

}  // namespace flame::onednn
