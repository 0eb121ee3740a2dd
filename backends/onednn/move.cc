#include "backends/onednn/move.h"

#include <cstring>

namespace flame::onednn {
namespace {

constexpr int64_t kBlock = 4096;
constexpr int64_t kParallelBytes = 256 << 10;
constexpr int64_t kStreamBytes = 16 << 20;  // larger than what caches keep

template <typename Bits>
void move_elements(const char *from, const BlockLayout &source, char *to,
                   const BlockLayout &target) {
  const auto *x = reinterpret_cast<const Bits *>(from);
  auto *y = reinterpret_cast<Bits *>(to);
  for (int64_t row = 0; row < source.rows; ++row) {
    const Bits *a = x + row * source.row_stride;
    Bits *b = y + row * target.row_stride;
    for (int64_t i = 0; i < source.columns; ++i)
      b[i * target.column_stride] = a[i * source.column_stride];
  }
}

// For a source whose neighbours lie along the rows: read in its own order, so that each cache line
// comes once, and turned in a tile that stays in the cache.
template <typename Bits>
void move_turned(const char *from, const BlockLayout &source, char *to, const BlockLayout &target) {
  const auto *x = reinterpret_cast<const Bits *>(from);
  auto *y = reinterpret_cast<Bits *>(to);
  Bits tile[kBlock];
  for (int64_t i = 0; i < source.columns; ++i)
    std::memcpy(tile + i * source.rows, x + i * source.column_stride,
                static_cast<size_t>(source.rows) * sizeof(Bits));
  for (int64_t row = 0; row < source.rows; ++row) {
    Bits *b = y + row * target.row_stride;
    for (int64_t i = 0; i < source.columns; ++i)
      b[i * target.column_stride] = tile[i * source.rows + row];
  }
}

template <typename Bits>
void move_any(const char *from, const BlockLayout &source, char *to, const BlockLayout &target) {
  const bool turned = source.row_stride == 1 && source.rows > 1 && source.column_stride != 0;
  (turned ? move_turned<Bits> : move_elements<Bits>)(from, source, to, target);
}

}  // namespace

Move::Move(const Sizes &shape, const Sizes &from_strides, const Sizes &to_strides,
           flame_dtype dtype)
    : bytes_(FLAME_DTYPE_BYTES(dtype)), nest_(shape, {to_strides, from_strides}, kBlock) {}

void Move::run(const char *from, char *to) const {
  if (nest_.element_count() == 0) return;
  for (int64_t i = 0; i < nest_.block_count(); ++i) run_block(i, from, to, false);
}

void Move::run_parallel(const char *from, char *to) const {
  if (nest_.element_count() == 0) return;
  const int64_t bytes = nest_.element_count() * bytes_;
#pragma omp parallel if (bytes >= kParallelBytes)
  {
#pragma omp for schedule(static)
    for (int64_t i = 0; i < nest_.block_count(); ++i) run_block(i, from, to, bytes >= kStreamBytes);
    stream_fence();
  }
}

void Move::run_block(int64_t number, const char *from, char *to, bool streams) const {
  const LoopNest::Block block = nest_.block(number);
  const BlockLayout target = nest_.layout(block, 0);
  const BlockLayout source = nest_.layout(block, 1);
  to += nest_.offset(block, 0) * bytes_;
  from += nest_.offset(block, 1) * bytes_;
  if (source.is_dense() && target.is_dense()) {
    const int64_t size = source.count() * bytes_;
    if (streams) return stream_copy(from, size, to);
    std::memcpy(to, from, static_cast<size_t>(size));
    return;
  }
  switch (bytes_) {
    case 1:
      return move_any<uint8_t>(from, source, to, target);
    case 2:
      return move_any<uint16_t>(from, source, to, target);
    case 4:
      return move_any<uint32_t>(from, source, to, target);
    default:
      return move_any<uint64_t>(from, source, to, target);
  }
}

}  // namespace flame::onednn
