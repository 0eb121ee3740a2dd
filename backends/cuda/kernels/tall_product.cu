// The product of two tall matrices, thin[k, 16 or more]ᵀ · wide[k, n]: sums over their rows, as the
// gradients of a LoRA's weights are. The rows are shared among the warps of a block and the blocks of a
// cluster, which are joined in one order. In front of it stand:
//   T, Y                 bf16 or f16; what y is stored as
//   kDepth               k
//   kThin                columns of thin: a multiple of 16
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
constexpr int kTiles = kThin / 16;
constexpr int kSteps = (kDepth + 15) / 16;
constexpr int kRound = kPack * 32;  // fours of sums in a tile of 16 columns of thin

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
  Sums of_block[kCluster > 1 ? kTiles : 1][kRound];
};

inline void add_up(const T *thin, const T *wide, float (&sums)[kTiles][kPack][4], int rank) {
  const int g = threadIdx.x % 32 / 4;
  const int t = threadIdx.x % 4;
  const int begin = rank * kWarps + threadIdx.x / 32;
  thin += (long long)(begin * 16 + g) * kStepThin + t * 4;
  wide += (long long)(begin * 16 + t * 2) * kStepWide + g * kPack;
#pragma unroll kUnrolled
  for (int step = begin; step < kSteps; step += kCluster * kWarps) {
    Pack<unsigned, kPack / 2> rows[4];
    unsigned left[kTiles][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = i / 2 * 8 + i % 2;
      rows[i] = neighbours<kPack>(wide + row * kStepWide, step * 16 + t * 2 + row);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        const auto four =
            neighbours<4>(thin + half * 8 * kStepThin + tile * 16, step * 16 + g + half * 8);
        left[tile][half * 2] = transposed(four.at[0]);
        left[tile][half * 2 + 1] = transposed(four.at[1]);
      }
    }
    thin += (long long)kCluster * kWarps * 16 * kStepThin;
    wide += (long long)kCluster * kWarps * 16 * kStepWide;
#pragma unroll
    for (int i = 0; i < kPack; ++i) {
      const unsigned upper = joined(rows[0].at[i / 2], rows[1].at[i / 2], i % 2);
      const unsigned lower = joined(rows[2].at[i / 2], rows[3].at[i / 2], i % 2);
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile)
        multiply_add(sums[tile][i], left[tile], upper, lower, T());
    }
  }
}

// The four sums number `index` of a tile: neighbouring threads write neighbours of wide.
inline void store(Y *y, int tile, int index, const Sums &sums) {
  const int lane = index / kPack;
  const int c = tile * 16 + thin_of(lane / 4);
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
  for (int i = rank * kThreads + threadIdx.x; i < kTiles * kRound; i += kCluster * kThreads) {
    Sums all = {};
#pragma unroll
    for (int from = 0; from < kCluster; ++from) {
      const Sums part = read_of_block(&shared.of_block[0][0] + i, from);
#pragma unroll
      for (int k = 0; k < 4; ++k) all.at[k] += part.at[k];
    }
    store(y, i / kRound, i % kRound, all);
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
  float sums[kTiles][kPack][4] = {};
  add_up(thin, wide + first, sums, rank);
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
    if (tile > 0) __syncthreads();  // the sums before were read
#pragma unroll
    for (int i = 0; i < kPack; ++i)
      shared.of_warp[threadIdx.x / 32][i][threadIdx.x % 32] = {
          {sums[tile][i][0], sums[tile][i][1], sums[tile][i][2], sums[tile][i][3]}};
    __syncthreads();
    for (int index = threadIdx.x; index < kRound; index += kThreads) {
      Sums all = {};
#pragma unroll
      for (int warp = 0; warp < kWarps; ++warp) {
        const Sums part = shared.of_warp[warp][index % kPack][index / kPack];
#pragma unroll
        for (int i = 0; i < 4; ++i) all.at[i] += part.at[i];
      }
      if (kCluster > 1)
        shared.of_block[tile][index] = all;
      else
        store(y, tile, index, all);
    }
  }
  if constexpr (kCluster > 1) join_blocks(shared, y, rank);
}
