// The second step of group_norm: every block joins the parts' statistics of its groups, then brings its
// places to y = activation((x - mean) · rstd · weight + bias). In front of it stand what norms.cuh
// names, and:
//   kParts, kChunk              of the first step
//   kSlabPacks                  neighbouring packs of channels that a block has: a slab
//   kBlocks, kBlockPlaces       blocks of a slab of an image, and the places of one
//   kPlaceThreads, kThreads     every pack of a slab has kPlaceThreads threads; whole warps
//   kEpsilon
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kWidth = kChannels / kGroups;
constexpr int kSlab = kSlabPacks * kVector;
constexpr int kSlabs = kChannels / kSlab;
constexpr int kSlabGroups =
    kSlab % kWidth == 0 ? kSlab / kWidth : (kSlab + kWidth - 2) / kWidth + 1;
constexpr int kAhead = 8;                      // packs of a thread that are on their way
constexpr int kOwnParts = (kParts + 31) / 32;  // of a lane

struct Statistics {
  A means[kSlabGroups];
  A rstds[kSlabGroups];
};

inline A places_of(int part) {
  const Index left = kPlaces - (Index)part * kChunk;
  return (A)(left < kChunk ? left : kChunk);
}

// The mean and rstd of a group from those of its parts, in the first lane of the warp.
inline Pack<A, 2> joined(const Pack<A, 2> *parts) {
  const int lane = threadIdx.x % 32;
  Pack<A, 2> own[kOwnParts];
#pragma unroll
  for (int i = 0; i < kOwnParts; ++i)
    if (lane + i * 32 < kParts) own[i] = parts[lane + i * 32];
  using W = Wide<A>::Type;
  W sum = 0;
#pragma unroll
  for (int i = 0; i < kOwnParts; ++i) {
    const int part = lane + i * 32;
    if (part < kParts) sum += (W)own[i].at[0] * (W)places_of(part);
  }
  const A mean = (A)(sum_of_lanes<32>(sum) / kPlaces);
  A squares = 0;
#pragma unroll
  for (int i = 0; i < kOwnParts; ++i) {
    const int part = lane + i * 32;
    const A apart = own[i].at[0] - mean;
    if (part < kParts) squares += own[i].at[1] + apart * apart * (places_of(part) * kWidth);
  }
  squares = sum_of_lanes<32>(squares);
  return {{mean, 1 / sqrt(squares / ((A)kPlaces * kWidth) + (A)kEpsilon)}};
}

// The mean and rstd of each group of the slab, for the block; that of groups that begin in the slab goes
// out if the block is the slab's first.
inline void join_parts(const Pack<A, 2> *partial, Index image, int slab, bool first, A *mean_out,
                       A *rstd_out, Statistics &statistics) {
  const int begin = slab * kSlab / kWidth;
  const int end = ((slab + 1) * kSlab - 1) / kWidth + 1;
  for (int group = begin + threadIdx.x / 32; group < end; group += kThreads / 32) {
    const Index at = image * kGroups + group;
    const Pack<A, 2> of_group = joined(partial + at * kParts);
    if (threadIdx.x % 32 != 0) continue;
    statistics.means[group - begin] = of_group.at[0];
    statistics.rstds[group - begin] = of_group.at[1];
    if (!first || group * kWidth < slab * kSlab) continue;
    mean_out[at] = of_group.at[0];
    rstd_out[at] = of_group.at[1];
  }
}

template <bool kPacked>
inline void run(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
                const Pack<A, 2> *partial, Statistics &statistics) {
  // Backwards: what the first step read last is what the cache still holds.
  const Index at = gridDim.x - 1 - blockIdx.x;
  const int slab = at % kSlabs;
  const int block = at / kSlabs % kBlocks;
  const Index image = at / kSlabs / kBlocks;
  const int c = slab * kSlab + threadIdx.x % kSlabPacks * kVector;
  const Index first = (Index)block * kBlockPlaces;
  const Index last = first + kBlockPlaces < kPlaces ? first + kBlockPlaces : kPlaces;
  const Index begin = first + threadIdx.x / kSlabPacks;
  const bool active = threadIdx.x < kSlabPacks * kPlaceThreads;
  const int trips = active && begin < last ? (last - begin + kPlaceThreads - 1) / kPlaceThreads : 0;
  constexpr Index kStep = (Index)kPlaceThreads * kChannels;
  const Index before = (image * kPlaces + begin) * kChannels;
  HeldPack<X> packs[kAhead];
#pragma unroll
  for (int i = 0; i < kAhead; ++i)
    if (i < trips) packs[i].template read<kPacked>(x + before + i * kStep, c);
  HeldPack<X> weights, biases;
  if (kWeight) weights.template read<false>(weight, c);
  if (kBias) biases.template read<false>(bias, c);
  wait_for_previous();
  join_parts(partial, image, slab, block == 0, mean_out, rstd_out, statistics);
  __syncthreads();
  A middles[kVector];
  A scales[kVector];
  A shifts[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const int group = (c + k) / kWidth - slab * kSlab / kWidth;
    middles[k] = statistics.means[group];
    scales[k] = statistics.rstds[group] * (kWeight ? (A)number(weights.at(k)) : (A)1);
    shifts[k] = kBias ? (A)number(biases.at(k)) : (A)0;
  }
  for (int done = 0; done < trips; done += kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (done + i >= trips) continue;
      Pack<X, kVector> out;
#pragma unroll
      for (int k = 0; k < kVector; ++k) {
        const A z = ((A)number(packs[i].at(k)) - middles[k]) * scales[k] + shifts[k];
        out.at[k] = Store<X>::from(kSilu ? silu(z) : z);
      }
      const int next = done + i + kAhead;
      if (next < trips) packs[i].template read<kPacked>(x + before + next * kStep, c);
      write_channels<kPacked>(y + before + (done + i) * kStep, c, out);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    group_norm(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
               const Pack<A, 2> *partial) {
  __shared__ Statistics statistics;
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y))
    run<true>(x, weight, bias, y, mean_out, rstd_out, partial, statistics);
  else
    run<false>(x, weight, bias, y, mean_out, rstd_out, partial, statistics);
}
