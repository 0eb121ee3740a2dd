// Rows of attention scores: one block each. In front of it stand: T (of the tensors), A (of the
// arithmetic and of scores), M (of the mask), kMask, kTruths, kCausal, kMaskHead, kMaskRow, kMaskKey,
// kKeys, kThreads.
#pragma once

#include "joins.cuh"

constexpr int kWarps = kThreads / 32;

// Joins what the threads of the block hold; every one gets the answer.
template <typename Join>
inline A join_block(A a) {
  __shared__ A shared[kWarps];
#pragma unroll
  for (int apart = 16; apart > 0; apart /= 2)
    a = Join::of(a, __shfl_xor_sync(0xffffffffu, a, apart));
  __syncthreads();  // the last call's answer has been read
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = a;
  __syncthreads();
  a = shared[0];
#pragma unroll
  for (int warp = 1; warp < kWarps; ++warp) a = Join::of(a, shared[warp]);
  return a;
}

inline A lowest() {
  return (A)__int_as_float(0xff800000);
}

// The score of a query and key with the mask; `mask` is the query's row of it.
inline A masked(A score, const M *mask, long long query, int key) {
  if (kCausal && key > query) return lowest();
  if (!kMask) return score;
  const M value = mask[key * kMaskKey];
  if (kTruths) return (A)number(value) != 0 ? score : lowest();
  return score + (A)number(value);
}
