// group_norm in one reading: kCluster blocks hold all places of kBundle groups in shared memory, join
// their statistics through each other's shared memory, and write what they hold. For chips from sm_90 on. In
// front of it stand what norms.cuh names, and:
//   kBundle, kCluster        groups of a cluster, and its blocks
//   kBlockPlaces             places of a block
//   kPlaceThreads, kThreads  every pack of channels has kPlaceThreads threads; whole warps
//   kEpsilon
#include "async_copies.cuh"
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kWidth = kChannels / kGroups;  // a pack meets two groups at most
constexpr int kSlices = kGroups / kBundle;
constexpr int kPacks = kBundle * kWidth / kVector;
constexpr int kWarps = kThreads / 32;
using W = Wide<A>::Type;

inline void arrive_at_cluster() {
  if (kCluster > 1) asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
inline void wait_for_cluster() {
  if (kCluster > 1) asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}
// The number at the same place in the shared memory of another block of the cluster.
inline A read_of_block(const A *own, int rank) {
  if (kCluster == 1) return *own;
  unsigned address = (unsigned)__cvta_generic_to_shared(own);
  A value;
  asm volatile("mapa.shared::cluster.u32 %0, %0, %1;" : "+r"(address) : "r"(rank));
  asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(value) : "r"(address) : "memory");
  return value;
}

// The sums of `low`, which is of the group `first`, and of `high`, of the next one, over the block, and
// divided.
template <typename N>
inline void sum_of_block(N low, N high, int first, A divisor, N (&shared)[kBundle][kWarps],
                         A (&answers)[kBundle]) {
#pragma unroll
  for (int group = 0; group < kBundle; ++group) {
    N sum = group == first ? low : group == first + 1 ? high : (N)0;
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
    if (threadIdx.x % 32 == 0) shared[group][threadIdx.x / 32] = sum;
  }
  __syncthreads();
  for (int group = threadIdx.x / 32; group < kBundle; group += kWarps) {
    N sum = threadIdx.x % 32 < kWarps ? shared[group][threadIdx.x % 32] : (N)0;
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
    if (threadIdx.x % 32 == 0) answers[group] = divisor > 0 ? (A)(sum / divisor) : (A)0;
  }
  __syncthreads();
}

inline A places_of(int rank) {
  const int left = kPlaces - rank * kBlockPlaces;
  return (A)(left < 0 ? 0 : left < kBlockPlaces ? left : kBlockPlaces);
}

struct Shared {
  W wide_sums[kBundle][kWarps];
  A sums[kBundle][kWarps];
  A exchanged[2][kBundle];  // what other blocks read: the block's means, and squares around them
  A means[kBundle];
  A rstds[kBundle];
};

template <bool kPacked>
inline void run(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
                Shared &shared) {
  const int rank = blockIdx.x % kCluster;
  const int slice = blockIdx.x / kCluster % kSlices;
  const Index image = blockIdx.x / kCluster / kSlices;
  const bool active = threadIdx.x < kPacks * kPlaceThreads;
  const int from_slice = threadIdx.x % kPacks * kVector;
  const int first = from_slice / kWidth;
  const int of_first = kWidth - from_slice % kWidth;  // channels of the pack until the next group
  const int c = slice * kBundle * kWidth + from_slice;
  const int begin = rank * kBlockPlaces + threadIdx.x / kPacks;
  const int end = (rank + 1) * kBlockPlaces < kPlaces ? (rank + 1) * kBlockPlaces : kPlaces;
  const Index before = image * kPlaces * kChannels;
  // A thread reads what it copied itself, so that nobody waits for others.
  extern __shared__ __align__(16) unsigned char shared_memory[];
  auto *held = reinterpret_cast<Pack<X, kVector> *>(shared_memory) + threadIdx.x;
  constexpr int kBytes = sizeof(X) * kVector;
  const int trips = active && begin < end ? (end - begin + kPlaceThreads - 1) / kPlaceThreads : 0;
#pragma unroll 4
  for (int trip = 0; trip < trips; ++trip) {
    const X *from = x + before + (Index)(begin + trip * kPlaceThreads) * kChannels;
    if constexpr (kPacked && kBytes >= 4)
      copy_async<kBytes>(held + trip * kThreads, from + c, true);
    else
      held[trip * kThreads] = read_channels<kPacked>(from, c);
  }
  end_copies();
  Pack<X, kVector> weights, biases;
  if (kWeight && active) weights = read_channels<false>(weight, c);
  if (kBias && active) biases = read_channels<false>(bias, c);

  wait_for_copies<0>();
  Total<A, sizeof(X) == sizeof(A)> sums[kVector] = {};
#pragma unroll 4
  for (int trip = 0; trip < trips; ++trip) {
    const Pack<X, kVector> pack = held[trip * kThreads];
#pragma unroll
    for (int k = 0; k < kVector; ++k) sums[k].add((A)number(pack.at[k]));
  }
  W low = 0, high = 0;
#pragma unroll
  for (int k = 0; k < kVector; ++k) (k < of_first ? low : high) += sums[k].value();
  sum_of_block<W>(low, high, first, places_of(rank) * kWidth, shared.wide_sums,
                  shared.exchanged[0]);
  const int next = first + 1 < kBundle ? first + 1 : first;
  A middles[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) middles[k] = shared.exchanged[0][k < of_first ? first : next];
  A squares[kVector] = {};
#pragma unroll 4
  for (int trip = 0; trip < trips; ++trip) {
    const Pack<X, kVector> pack = held[trip * kThreads];
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A apart = (A)number(pack.at[k]) - middles[k];
      squares[k] += apart * apart;
    }
  }
  A low_squares = 0, high_squares = 0;
#pragma unroll
  for (int k = 0; k < kVector; ++k) (k < of_first ? low_squares : high_squares) += squares[k];
  sum_of_block<A>(low_squares, high_squares, first, 1, shared.sums, shared.exchanged[1]);
  arrive_at_cluster();
  wait_for_cluster();
  if (threadIdx.x < kBundle) {
    A means[kCluster], around[kCluster];
    W sum = 0;
#pragma unroll
    for (int i = 0; i < kCluster; ++i) {
      means[i] = read_of_block(&shared.exchanged[0][threadIdx.x], i);
      around[i] = read_of_block(&shared.exchanged[1][threadIdx.x], i);
    }
#pragma unroll
    for (int i = 0; i < kCluster; ++i) sum += (W)means[i] * (W)places_of(i);
    const A mean = (A)(sum / kPlaces);
    A all = 0;
#pragma unroll
    for (int i = 0; i < kCluster; ++i) {
      const A apart = means[i] - mean;
      all += around[i] + apart * apart * (places_of(i) * kWidth);
    }
    const A rstd = 1 / sqrt(all / ((A)kPlaces * kWidth) + (A)kEpsilon);
    shared.means[threadIdx.x] = mean;
    shared.rstds[threadIdx.x] = rstd;
    if (rank == 0) {
      mean_out[image * kGroups + slice * kBundle + threadIdx.x] = mean;
      rstd_out[image * kGroups + slice * kBundle + threadIdx.x] = rstd;
    }
  }
  arrive_at_cluster();  // nothing is read from others any more
  __syncthreads();
  A scales[kVector];
  A shifts[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const int group = k < of_first ? first : next;
    middles[k] = shared.means[group];
    scales[k] = kWeight ? shared.rstds[group] * (A)number(weights.at[k]) : shared.rstds[group];
    shifts[k] = kBias ? (A)number(biases.at[k]) : (A)0;
  }
#pragma unroll 4
  for (int trip = 0; trip < trips; ++trip) {
    const Pack<X, kVector> pack = held[trip * kThreads];
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A z = ((A)number(pack.at[k]) - middles[k]) * scales[k] + shifts[k];
      out.at[k] = Store<X>::from(kSilu ? silu(z) : z);
    }
    write_channels<kPacked>(y + before + (Index)(begin + trip * kPlaceThreads) * kChannels, c, out);
  }
  wait_for_cluster();  // a block's memory stays until the others have read it
}

extern "C" __global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads, 2)
    group_norm_cluster(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out) {
  __shared__ Shared shared;
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y))
    run<true>(x, weight, bias, y, mean_out, rstd_out, shared);
  else
    run<false>(x, weight, bias, y, mean_out, rstd_out, shared);
}
