// Attention on a few keys: a block holds a head's keys and values and kTile queries, 16 of them for
// each warp, whose scores stay in registers. In front of it stand what short_attention.cuh names.
#include "short_attention.cuh"

constexpr int kBlocks = (kQueries + kTile - 1) / kTile;  // of a head
static_assert(kTile * 2 == kThreads, "16 queries for each warp");

extern "C" __global__ void __launch_bounds__(kThreads)
    short_attention(const T *q, const T *k, const T *v, T *y, float *lse) {
  __shared__ __align__(16) T queries[kTile * kStride];
  __shared__ __align__(16) T keys[kPaddedKeys * kStride];
  __shared__ __align__(16) T values[kPaddedKeys * kStride];
  const int first = blockIdx.x % kBlocks * kTile;
  const int head = blockIdx.x / kBlocks % kHeads;
  const long long image = blockIdx.x / kBlocks / kHeads;
  load_rows<kTile>(queries, q + image * kQImage + head * kQHead + first * kQRow, kQRow,
                   kQueries - first);
  load_rows<kPaddedKeys>(keys, k + image * kKImage + head * kKHead, kKRow, kKeys);
  load_rows<kPaddedKeys>(values, v + image * kVImage + head * kVHead, kVRow, kKeys);
  __syncthreads();

  const int lane = threadIdx.x % 32;
  const int g = lane / 4;
  const int t = lane % 4;
  T *own = queries + threadIdx.x / 32 * 16 * kStride;
  const int query = first + threadIdx.x / 32 * 16 + g;
  unsigned left[kSteps][4];
#pragma unroll
  for (int step = 0; step < kSteps; ++step) load_left(left[step], own, step);
  float scores[kKeySteps * 2][4] = {};
#pragma unroll
  for (int tile = 0; tile < kKeySteps; ++tile) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      unsigned right[4];
      load_right_transposed(right, keys + tile * 16 * kStride, step);
      multiply_add(scores[tile * 2], left[step], right[0], right[1], T());
      multiply_add(scores[tile * 2 + 1], left[step], right[2], right[3], T());
    }
  }

  // Rows g and g + 8; their other columns lie in the four lanes of the same g.
  float most[2] = {__int_as_float(0xff800000), __int_as_float(0xff800000)};
#pragma unroll
  for (int tile = 0; tile < kKeySteps * 2; ++tile) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int key = tile * 8 + t * 2 + i % 2;
      if (key >= kKeys || (kCausal && key > query + i / 2 * 8))
        scores[tile][i] = __int_as_float(0xff800000);
      most[i / 2] = fmaxf(most[i / 2], scores[tile][i] * ((float)kScale * kPerLog2));
    }
  }
#pragma unroll
  for (int apart = 1; apart < 4; apart *= 2) {
    most[0] = fmaxf(most[0], __shfl_xor_sync(0xffffffffu, most[0], apart));
    most[1] = fmaxf(most[1], __shfl_xor_sync(0xffffffffu, most[1], apart));
  }
  float sums[2] = {0, 0};
  unsigned shares[kKeySteps][4];
#pragma unroll
  for (int tile = 0; tile < kKeySteps * 2; ++tile) {
    float share[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      share[i] = power_of_two(scores[tile][i] * ((float)kScale * kPerLog2) - most[i / 2]);
      sums[i / 2] += share[i];
    }
    shares[tile / 2][tile % 2 * 2] = pair_of(share[0], share[1], T());
    shares[tile / 2][tile % 2 * 2 + 1] = pair_of(share[2], share[3], T());
  }
#pragma unroll
  for (int apart = 1; apart < 4; apart *= 2) {
    sums[0] += __shfl_xor_sync(0xffffffffu, sums[0], apart);
    sums[1] += __shfl_xor_sync(0xffffffffu, sums[1], apart);
  }
  if (t < 2 && query + t * 8 < kQueries) {
    const float of_row = t == 0 ? most[0] + log2f(sums[0]) : most[1] + log2f(sums[1]);
    lse[(image * kHeads + head) * kQueries + query + t * 8] = of_row * kLog2;
  }

  float out[kSteps * 2][4] = {};
#pragma unroll
  for (int tile = 0; tile < kKeySteps; ++tile) {
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      unsigned right[4];
      load_right(right, values + tile * 16 * kStride, step);
      multiply_add(out[step * 2], shares[tile], right[0], right[1], T());
      multiply_add(out[step * 2 + 1], shares[tile], right[2], right[3], T());
    }
  }
  // Through the warp's own queries in shared memory, to write whole rows.
  const float shrink[2] = {1 / sums[0], 1 / sums[1]};
  __syncwarp();
#pragma unroll
  for (int step = 0; step < kSteps * 2; ++step) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      *reinterpret_cast<unsigned *>(own + (g + half * 8) * kStride + step * 8 + t * 2) =
          pair_of(out[step][half * 2] * shrink[half], out[step][half * 2 + 1] * shrink[half], T());
    }
  }
  __syncwarp();
  constexpr int kWhole = kColumns / 8;
#pragma unroll
  for (int i = lane; i < 16 * kWhole; i += 32) {
    const int row = first + threadIdx.x / 32 * 16 + i / kWhole;
    if (row >= kQueries) continue;
    T *to = y + ((image * kQueries + row) * kHeads + head) * kColumns;
    keep_piece(to, i % kWhole, load_piece(own + i / kWhole * kStride, i % kWhole, true));
  }
}
