// Rows: kGroup threads share each row of kColumns elements, in packs of kVector. In front of it stand:
//   Index, Unsigned, kColumns, kVector, kGroup, kThreads, kHeld
// With kHeld a thread keeps its part of a row in registers; without it reads it again each time.
#pragma once

#include "joins.cuh"

constexpr int kPacks = kColumns / kVector;  // of a row; kVector divides kColumns
constexpr int kTrips = (kPacks + kGroup - 1) / kGroup;
constexpr int kRowsOfBlock = kThreads / kGroup;

inline int lane_of_row() {
  return threadIdx.x % kGroup;
}
inline long long row_of_thread() {
  return (long long)blockIdx.x * kRowsOfBlock + threadIdx.x / kGroup;
}
inline int pack_of_trip(int trip) {
  return trip * kGroup + lane_of_row();
}
inline bool has_trip(int trip) {
  return kPacks % kGroup == 0 || pack_of_trip(trip) < kPacks;
}

// A pack of a row whose neighbours are kStep apart. With kPacked rows whose step is 1 begin where packs
// may be read: a kernel asks once, takes_packs() of each tensor, so that loads stand side by side.
template <bool kPacked, int kStep, typename T>
inline Pack<T, kVector> read_row(const T *row, int trip) {
  const Index first = (Index)pack_of_trip(trip) * kVector;
  if constexpr (kPacked && kStep == 1) return load_pack<kVector>(row + first);
  Pack<T, kVector> pack;
#pragma unroll
  for (int k = 0; k < kVector; ++k) pack.at[k] = row[(first + k) * kStep];
  return pack;
}

// One row of a tensor.
template <bool kPacked, typename T, int kStep>
struct RowReader {
  const T *from;
  Pack<T, kVector> held[kHeld ? kTrips : 1];

  explicit RowReader(const T *row) : from(row) {
    if (!kHeld) return;
#pragma unroll
    for (int trip = 0; trip < (kHeld ? kTrips : 1); ++trip)
      if (has_trip(trip)) held[trip] = read_row<kPacked, kStep>(from, trip);
  }
  Pack<T, kVector> get(int trip) const {
    return kHeld ? held[trip] : read_row<kPacked, kStep>(from, trip);
  }
};

template <bool kPacked, typename T, int kStep>
inline void write_row(T *row, int trip, const Pack<T, kVector> &pack) {
  const Index first = (Index)pack_of_trip(trip) * kVector;
  if constexpr (kPacked && kStep == 1) return store_pack(row + first, pack);
#pragma unroll
  for (int k = 0; k < kVector; ++k) row[(first + k) * kStep] = pack.at[k];
}

// Sums two numbers over the threads of a row; every one gets the answers. All threads of the block call
// it.
template <typename A>
inline void sum_rows(A &a, A &b) {
#pragma unroll
  for (int apart = (kGroup < 32 ? kGroup : 32) / 2; apart > 0; apart /= 2) {
    a += __shfl_xor_sync(0xffffffffu, a, apart);
    b += __shfl_xor_sync(0xffffffffu, b, apart);
  }
  if (kGroup <= 32) return;
  constexpr int kWarps = kGroup / 32;
  __shared__ A shared[2][kWarps > 0 ? kWarps : 1];
  __syncthreads();  // the last call's answers have been read
  if (threadIdx.x % 32 == 0) {
    shared[0][threadIdx.x / 32] = a;
    shared[1][threadIdx.x / 32] = b;
  }
  __syncthreads();
  a = shared[0][0];
  b = shared[1][0];
#pragma unroll
  for (int warp = 1; warp < kWarps; ++warp) {
    a += shared[0][warp];
    b += shared[1][warp];
  }
}

// Joins what the threads of a row hold; every one gets the answer. All threads of the block call it.
template <typename Join, typename A>
inline A join_row(A a) {
#pragma unroll
  for (int apart = (kGroup < 32 ? kGroup : 32) / 2; apart > 0; apart /= 2)
    a = Join::of(a, __shfl_xor_sync(0xffffffffu, a, apart));
  if (kGroup <= 32) return a;
  constexpr int kWarps = kGroup / 32;
  __shared__ A shared[kWarps > 0 ? kWarps : 1];
  __syncthreads();  // the last call's answer has been read
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = a;
  __syncthreads();
  a = shared[0];
#pragma unroll
  for (int warp = 1; warp < kWarps; ++warp) a = Join::of(a, shared[warp]);
  return a;
}
