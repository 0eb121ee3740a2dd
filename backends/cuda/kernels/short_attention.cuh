// What attention on a few keys and its gradient share: rows of heads in shared memory, as matrices for
// the tensor cores. In front of it stand:
//   T                        bf16 or f16
//   kHeads, kQueries, kKeys, kColumns     kColumns, of a head, is a multiple of 8
//   kScale, kCausal
//   kQImage, kQRow, kQHead   strides, multiples of 8; the same for K, V, and in the gradient Y and Dy
//   kThreads, kTile          of a block; queries that are on the chip at a time
#pragma once

#include "tensor_cores.cuh"

constexpr int kPadded = (kColumns + 15) / 16 * 16;  // with zeros
constexpr int kSteps = kPadded / 16;
constexpr int kKeySteps = (kKeys + 15) / 16;
constexpr int kPaddedKeys = kKeySteps * 16;
constexpr int kStride = kPadded + 8;  // of rows in shared memory: no two of eight meet in a bank
constexpr int kPieces = kPadded / 8;  // of 16 bytes in a row
constexpr float kLog2 = 0.69314718055994531f;
constexpr float kPerLog2 = 1.4426950408889634f;

inline uint4 load_piece(const T *row, int piece, bool inside) {
  if (!inside || piece * 8 >= kColumns) return make_uint4(0, 0, 0, 0);
  return *reinterpret_cast<const uint4 *>(row + piece * 8);
}
inline void keep_piece(T *row, int piece, const uint4 &value) {
  *reinterpret_cast<uint4 *>(row + piece * 8) = value;
}

// kRows rows from `from` on, of which `inside` exist.
template <int kRows>
inline void load_rows(T *to, const T *from, long long stride, int inside) {
#pragma unroll
  for (int i = threadIdx.x; i < kRows * kPieces; i += kThreads) {
    const int row = i / kPieces;
    keep_piece(to + row * kStride, i % kPieces,
               load_piece(from + row * stride, i % kPieces, row < inside));
  }
}

// 16 rows, 16 columns: as a left factor.
inline void load_left(unsigned (&out)[4], const T *rows, int step) {
  const int lane = threadIdx.x % 32;
  load_matrices(out, rows + lane % 16 * kStride + step * 16 + lane / 16 * 8);
}
// 16 rows, 16 columns: the transposed as a right factor, rows 0 to 7 in [0] and [1], 8 to 15 behind.
inline void load_right_transposed(unsigned (&out)[4], const T *rows, int step) {
  const int lane = threadIdx.x % 32;
  load_matrices(out, rows + (lane / 16 * 8 + lane % 8) * kStride + step * 16 + lane / 8 % 2 * 8);
}
// 16 rows, 16 columns as a right factor: columns 0 to 7 in [0] and [1], 8 to 15 behind.
inline void load_right(unsigned (&out)[4], const T *rows, int step) {
  const int lane = threadIdx.x % 32;
  load_transposed(out, rows + lane % 16 * kStride + step * 16 + lane / 16 * 8);
}
