// The second step of group_norm: every block joins the parts' statistics, then brings its places to
// y = activation((x - mean) · rstd · weight + bias). In front of it stand what norms.cuh names, and:
//   kImages, kParts, kChunk     of the first step
//   kBlocks, kBlockPlaces       blocks of an image, and the places of one
//   kPlaceThreads, kThreads     every pack of channels has kPlaceThreads threads; whole warps
//   kLanes                      neighbouring threads that join a group's parts
//   kEpsilon
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kChannelsOfGroup = kChannels / kGroups;
constexpr int kPacks = kChannels / kVector;
constexpr int kOwn = (kParts + kLanes - 1) / kLanes;  // parts of a thread

inline A sum_of_lanes(A a) {
#pragma unroll
  for (int apart = kLanes / 2; apart > 0; apart /= 2) a += __shfl_xor_sync(0xffffffffu, a, apart);
  return a;
}

inline A count_of(int part) {
  return (A)((part + 1) * kChunk < kPlaces ? kChunk : kPlaces - part * kChunk);
}

// The mean and rstd of every group of the image, for the block.
inline void join_parts(const A *partial, Index image, A *means, A *rstds) {
  for (int first = 0; first < kGroups; first += kThreads / kLanes) {
    const int group = first + threadIdx.x / kLanes;
    A part_means[kOwn];
    A part_squares[kOwn];
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const int part = threadIdx.x % kLanes + i * kLanes;
      const bool inside = part < kParts && group < kGroups;
      const A *of =
          partial + ((image * kParts + (inside ? part : 0)) * kGroups + (inside ? group : 0)) * 2;
      part_means[i] = of[0];
      part_squares[i] = of[1];
    }
    A sum = 0;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const int part = threadIdx.x % kLanes + i * kLanes;
      if (part < kParts) sum += count_of(part) * part_means[i];
    }
    const A mean = sum_of_lanes(sum) / kPlaces;
    A squares = 0;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const int part = threadIdx.x % kLanes + i * kLanes;
      const A apart = part_means[i] - mean;
      if (part < kParts)
        squares += part_squares[i] + apart * apart * (count_of(part) * kChannelsOfGroup);
    }
    squares = sum_of_lanes(squares);
    if (group >= kGroups || threadIdx.x % kLanes != 0) continue;
    means[group] = mean;
    rstds[group] = 1 / sqrt(squares / ((A)kPlaces * kChannelsOfGroup) + (A)kEpsilon);
  }
}

template <bool kPacked>
inline void run(const X *x, const X *weight, const X *bias, X *y, const A *means, const A *rstds,
                Index first, Index last) {
  if (threadIdx.x >= kPacks * kPlaceThreads) return;
  const int c = threadIdx.x % kPacks * kVector;
  A middles[kVector];
  A scales[kVector];
  A biases[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const int group = (c + k) / kChannelsOfGroup;
    middles[k] = means[group];
    scales[k] = kWeight ? rstds[group] * (A)number(weight[c + k]) : rstds[group];
    biases[k] = kBias ? (A)number(bias[c + k]) : (A)0;
  }
#pragma unroll 4
  for (Index row = first + threadIdx.x / kPacks; row < last; row += kPlaceThreads) {
    const Pack<X, kVector> pack = read_channels<kPacked>(x + row * kChannels, c);
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A z = ((A)number(pack.at[k]) - middles[k]) * scales[k] + biases[k];
      out.at[k] = Store<X>::from(kSilu ? silu(z) : z);
    }
    write_channels<kPacked>(y + row * kChannels, c, out);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    group_norm(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
               const A *partial) {
  // Backwards: what the first step read last is what the cache still holds.
  const Index at = gridDim.x - 1 - blockIdx.x;
  const Index image = at / kBlocks;
  const Index block = at % kBlocks;
  __shared__ A means[kGroups];
  __shared__ A rstds[kGroups];
  join_parts(partial, image, means, rstds);
  __syncthreads();
  if (block == 0) {
    for (int group = threadIdx.x; group < kGroups; group += kThreads) {
      mean_out[image * kGroups + group] = means[group];
      rstd_out[image * kGroups + group] = rstds[group];
    }
  }
  const Index begin = block * kBlockPlaces;
  const Index end = begin + kBlockPlaces < kPlaces ? begin + kBlockPlaces : kPlaces;
  const Index before = image * kPlaces;
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y))
    run<true>(x, weight, bias, y, means, rstds, before + begin, before + end);
  else
    run<false>(x, weight, bias, y, means, rstds, before + begin, before + end);
}
