// y[m, n] = a[m, k] · b with few columns, as a LoRA's way down has: 16 rows are a block, whose warps share
// the sum over k and are joined in one order. In front of it stand:
//   T, Y                 bf16 or f16; what y is stored as
//   kRows                m
//   kColumns             n: a multiple of 8; its sums fit into shared memory, kWarps times
//   kDepth               k: a multiple of 32
//   kStepA, kStepB, kStepY   elements from row to row
//   kTransposed          b holds a row for each column, [n, k]
//   kWarps
// All rows of a, and of b if kTransposed, begin at multiples of 16 bytes.
#include "tensor_cores.cuh"

constexpr int kTiles = kColumns / 8;
constexpr int kSteps = kDepth / 32;
constexpr int kThreads = kWarps * 32;

// Eight neighbours. The tensor cores are given them in another order, of a and b the same: pair i of
// lane t is the columns 8t + 2i and 8t + 2i + 1 of a step.
struct alignas(16) Eight {
  unsigned pair[4];
};

inline Eight right_of(const T *b, int step, int tile, int g, int t) {
  if (kTransposed)
    return *reinterpret_cast<const Eight *>(b + (long long)(tile * 8 + g) * kStepB + step * 32 +
                                            t * 8);
  Eight right;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const long long row = step * 32 + g / 2 * 8 + i * 2 + g % 2;
    right.pair[i] =
        transposed(*reinterpret_cast<const unsigned *>(b + row * kStepB + tile * 8 + t * 2));
  }
  return right;
}

extern "C" __global__ void __launch_bounds__(kThreads) thin_product(const T *a, const T *b, Y *y) {
  __shared__ float shared[kWarps][16][kColumns];
  const int warp = threadIdx.x / 32;
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
  const long long first = (long long)blockIdx.x * 16;
  const long long last = kRows - 1;
  const T *high = a + (first + g < last ? first + g : last) * kStepA + t * 8;
  const T *low = a + (first + g + 8 < last ? first + g + 8 : last) * kStepA + t * 8;
  float sums[kTiles][4] = {};
#pragma unroll 4
  for (int step = warp; step < kSteps; step += kWarps) {
    const Eight left_high = *reinterpret_cast<const Eight *>(high + step * 32);
    const Eight left_low = *reinterpret_cast<const Eight *>(low + step * 32);
    Eight right[kTiles];
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) right[tile] = right_of(b, step, tile, g, t);
#pragma unroll
    for (int half = 0; half < 4; half += 2) {
      const unsigned left[4] = {left_high.pair[half], left_low.pair[half], left_high.pair[half + 1],
                                left_low.pair[half + 1]};
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile)
        multiply_add(sums[tile], left, right[tile].pair[half], right[tile].pair[half + 1], T());
    }
  }
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      shared[warp][g + i / 2 * 8][tile * 8 + t * 2 + i % 2] = sums[tile][i];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * kColumns; i += kThreads) {
    const long long row = first + i / kColumns;
    float sum = 0;
#pragma unroll
    for (int from = 0; from < kWarps; ++from) sum += shared[from][i / kColumns][i % kColumns];
    if (row < kRows) y[row * kStepY + i % kColumns] = Store<Y>::from(sum);
  }
}
