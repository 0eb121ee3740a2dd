// y[m, n] = a[m, k] · b + c with few terms in each sum, as a LoRA's way up has: what a warp writes, 16 rows
// by kGroups times 32 columns, stays in its registers, and nothing is read twice. In front of it stand:
//   T, Y                 bf16 or f16; what c and y are stored as
//   kRows                m
//   kDepth               k: a multiple of 16
//   kStepA, kStepB, kStepC, kStepY   elements from row to row
//   kTransposed          b holds a row for each column, [n, k]
//   kAdds                there is a c; it may be y
//   kGroups, kWarps
// All rows of y and c begin at multiples of 16 bytes, those of a and b at multiples of 8.
#include "tensor_cores.cuh"

constexpr int kSteps = kDepth / 16;
constexpr int kWidth = kGroups * 32;
constexpr int kThreads = kWarps * 32;

// Four neighbours in one access. The tensor cores are given the terms and the columns in another order than
// they lie: lane g, t has the terms 4t to 4t+3 of each step, and column g of tile i is 4g + i of its group, so
// that a lane's sums are the columns 8t to 8t+7.
struct alignas(8) Four {
  unsigned pair[2];
};
inline Four four_at(const T *from) {
  return *reinterpret_cast<const Four *>(from);
}

// Of the four tiles of a group: the terms 4t and 4t+1, 4t+2 and 4t+3 of one step in column g.
struct Right {
  unsigned low[4], high[4];
};

inline Right right_of(const T *b, int step, int column, int g, int t) {
  Right right;
  if constexpr (kTransposed) {
    const T *from = b + (long long)(column + g * 4) * kStepB + step * 16 + t * 4;
#pragma unroll
    for (int tile = 0; tile < 4; ++tile) {
      const Four terms = four_at(from + tile * kStepB);
      right.low[tile] = terms.pair[0];
      right.high[tile] = terms.pair[1];
    }
  } else {
    const T *from = b + (long long)(step * 16 + t * 4) * kStepB + column + g * 4;
    Four rows[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) rows[i] = four_at(from + i * kStepB);
#pragma unroll
    for (int tile = 0; tile < 4; ++tile) {
      const unsigned halves = tile % 2 ? 0x7632 : 0x5410;
      right.low[tile] = __byte_perm(rows[0].pair[tile / 2], rows[1].pair[tile / 2], halves);
      right.high[tile] = __byte_perm(rows[2].pair[tile / 2], rows[3].pair[tile / 2], halves);
    }
  }
  return right;
}

// Eight neighbours in one access, or two.
template <typename Narrow>
inline void store_eight(Narrow *to, const float (&sums)[8]) {
  uint4 out;
  out.x = pair_of(sums[0], sums[1], Narrow());
  out.y = pair_of(sums[2], sums[3], Narrow());
  out.z = pair_of(sums[4], sums[5], Narrow());
  out.w = pair_of(sums[6], sums[7], Narrow());
  *reinterpret_cast<uint4 *>(to) = out;
}
inline void store_eight(float *to, const float (&sums)[8]) {
  reinterpret_cast<float4 *>(to)[0] = {sums[0], sums[1], sums[2], sums[3]};
  reinterpret_cast<float4 *>(to)[1] = {sums[4], sums[5], sums[6], sums[7]};
}

extern "C" __global__ void __launch_bounds__(kThreads)
    shallow_product(const T *a, const T *b, const Y *c, Y *y) {
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
  const long long first = ((long long)blockIdx.x * kWarps + threadIdx.x / 32) * 16;
  const int column = blockIdx.y * kWidth;
  if (first >= kRows) return;
  const bool inside[2] = {first + g < kRows, first + g + 8 < kRows};
  const long long rows[2] = {inside[0] ? first + g : first, inside[1] ? first + g + 8 : first};
  Pack<Y, 8> addends[2][kGroups];
  if (kAdds) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int group = 0; group < kGroups; ++group)
        addends[half][group] = load_pack<8>(c + rows[half] * kStepC + column + group * 32 + t * 8);
    }
  }
  float sums[kGroups][4][4] = {};
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
    const Four high = four_at(a + rows[0] * kStepA + step * 16 + t * 4);
    const Four low = four_at(a + rows[1] * kStepA + step * 16 + t * 4);
    const unsigned left[4] = {high.pair[0], low.pair[0], high.pair[1], low.pair[1]};
#pragma unroll
    for (int group = 0; group < kGroups; ++group) {
      const Right right = right_of(b, step, column + group * 32, g, t);
#pragma unroll
      for (int tile = 0; tile < 4; ++tile)
        multiply_add(sums[group][tile], left, right.low[tile], right.high[tile], T());
    }
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    if (!inside[half]) continue;
#pragma unroll
    for (int group = 0; group < kGroups; ++group) {
      float out[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        out[i] = sums[group][i % 4][half * 2 + i / 4];
        if (kAdds) out[i] += number(addends[half][group].at[i]);
      }
      store_eight(y + rows[half] * kStepY + column + group * 32 + t * 8, out);
    }
  }
}
