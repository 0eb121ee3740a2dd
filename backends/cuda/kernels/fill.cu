// One number everywhere. In front of it stand: T, Index, Unsigned, offset_y(i), kDense, kVector,
// kThreads, and kBits, the number's bits.
#include "elements.cuh"

inline T value() {
  union {
    unsigned long long bits;
    T value;
  } both;
  both.bits = kBits;
  return both.value;
}

extern "C" __global__ void __launch_bounds__(kThreads) fill(T *y, long long count) {
  const T one = value();
  Pack<T, kVector> pack;
#pragma unroll
  for (int k = 0; k < kVector; ++k) pack.at[k] = one;
  const bool packed = kDense && takes_packs<kVector>(y);
  const long long step = (long long)gridDim.x * kThreads * kVector;
  for (long long i = ((long long)blockIdx.x * kThreads + threadIdx.x) * kVector; i < count;
       i += step) {
    if (packed && i + kVector <= count) {
      store_pack(y + i, pack);
      continue;
    }
    for (int k = 0; k < kVector && i + k < count; ++k) y[offset_y((Index)(i + k))] = one;
  }
}
