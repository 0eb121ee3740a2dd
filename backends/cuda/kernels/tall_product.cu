// The product of two tall matrices, thin[k, 16]ᵀ · wide[k, n]: sums over their rows, as the
// gradients of a LoRA's weights are. The rows are shared among the warps of a block and the blocks of a
// cluster, which are joined in one order. In front of it stand:
//   T, Y                 bf16 or f16; what y is stored as
//   kDepth               k
//   kStepThin, kStepWide, kStepY   elements from row to row
//   kTransposed          y holds a row for each column of wide, else for each of thin
//   kPack                neighbours that a lane reads of wide: 2, 4 or 8
//   kWarps, kCluster     of a block, which has 8 times kPack columns of wide; blocks that share them
//   kUnrolled            steps of 16 rows that a warp reads before it sums
// All rows of wide begin at multiples of 2 · kPack bytes, those of thin at multiples of 8.
#include "cluster.cuh"
#include "tensor_cores.cuh"

constexpr int kThreads = kWarps * 32;
constexpr int kColumns = kPack * 8;
constexpr int kSteps = (kDepth + 15) / 16;
constexpr int kFours = kPack * 32;  // of sums, in a block

// kCount neighbours of a row; zeros behind the last.
template <int kCount>
inline Pack<unsigned, kCount / 2> neighbours(const T *from, int row) {
  if (kDepth % 16 == 0 || row < kDepth)
    return *reinterpret_cast<const Pack<unsigned, kCount / 2> *>(from);
  return {};
}

// Two rows' pairs become the pair of their first, or second, elements.
inline unsigned joined(unsigned upper, unsigned lower, int second) {
  return __byte_perm(upper, lower, second ? 0x7632 : 0x5410);
}

// Four sums of lane g, t in tile i: the first two in column thin_of(g), the others two columns on, the first and
// third in column 2t · kPack + i of wide, the others kPack columns on.
inline int thin_of(int g) {
  return g / 2 * 4 + g % 2;
}
struct alignas(16) Sums {
  float at[4];
};
struct Shared {
  Sums of_warp[kWarps][kPack][33];  // one more than the lanes: neighbours lie in different banks
  Sums of_block[kFours];
};

inline void add_up(const T *thin, const T *wide, float (&sums)[kPack][4], int rank) {
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
  const int begin = rank * kWarps + threadIdx.x / 32;
  thin += (long long)(begin * 16 + g) * kStepThin + t * 4;
  wide += (long long)(begin * 16 + t * 2) * kStepWide + g * kPack;
#pragma unroll kUnrolled
  for (int step = begin; step < kSteps; step += kCluster * kWarps) {
    Pack<unsigned, kPack / 2> rows[4];
    unsigned left[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = i / 2 * 8 + i % 2;
      rows[i] = neighbours<kPack>(wide + row * kStepWide, step * 16 + t * 2 + row);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const auto four = neighbours<4>(thin + half * 8 * kStepThin, step * 16 + g + half * 8);
      left[half * 2] = transposed(four.at[0]);
      left[half * 2 + 1] = transposed(four.at[1]);
    }
    thin += (long long)kCluster * kWarps * 16 * kStepThin;
    wide += (long long)kCluster * kWarps * 16 * kStepWide;
#pragma unroll
    for (int i = 0; i < kPack; ++i) {
      const unsigned upper = joined(rows[0].at[i / 2], rows[1].at[i / 2], i % 2);
      const unsigned lower = joined(rows[2].at[i / 2], rows[3].at[i / 2], i % 2);
      multiply_add(sums[i], left, upper, lower, T());
    }
  }
}

// The four sums number `index` of a block: neighbouring threads write neighbours of wide.
inline void store(Y *y, int index, const Sums &sums) {
  const int lane = index / kPack;
  const int c = thin_of(lane / 4);
  const int n = lane % 4 * 2 * kPack + index % kPack;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = c + i / 2 * 2;
    const int column = n + i % 2 * kPack;
    y[kTransposed ? column * kStepY + row : row * kStepY + column] = Store<Y>::from(sums.at[i]);
  }
}

// Each block of the cluster does a share.
inline void join_blocks(const Shared &shared, Y *y, int rank) {
  arrive_at_cluster<kCluster>();
  wait_for_cluster<kCluster>();
  for (int index = rank * kThreads + threadIdx.x; index < kFours; index += kCluster * kThreads) {
    Sums all = {};
#pragma unroll
    for (int from = 0; from < kCluster; ++from) {
      const Sums part = read_of_block(&shared.of_block[index], from);
#pragma unroll
      for (int i = 0; i < 4; ++i) all.at[i] += part.at[i];
    }
    store(y, index, all);
  }
  arrive_at_cluster<kCluster>();
  wait_for_cluster<kCluster>();  // a block's memory stays until the others have read it
}

extern "C" __global__ void IN_CLUSTERS_OF(kCluster) __launch_bounds__(kThreads)
    tall_product(const T *thin, const T *wide, Y *y) {
  __shared__ Shared shared;
  const int rank = blockIdx.x;
  const long long first = (long long)blockIdx.y * kColumns;
  y += kTransposed ? first * kStepY : first;
  float sums[kPack][4] = {};
  add_up(thin, wide + first, sums, rank);
#pragma unroll
  for (int i = 0; i < kPack; ++i)
    shared.of_warp[threadIdx.x / 32][i][threadIdx.x % 32] = {
        {sums[i][0], sums[i][1], sums[i][2], sums[i][3]}};
  __syncthreads();
  for (int index = threadIdx.x; index < kFours; index += kThreads) {
    Sums all = {};
#pragma unroll
    for (int warp = 0; warp < kWarps; ++warp) {
      const Sums part = shared.of_warp[warp][index % kPack][index / kPack];
#pragma unroll
      for (int i = 0; i < 4; ++i) all.at[i] += part.at[i];
    }
    if (kCluster > 1)
      shared.of_block[index] = all;
    else
      store(y, index, all);
  }
  if constexpr (kCluster > 1) join_blocks(shared, y, rank);
}
