// The second step of group_norm: every block joins the parts' statistics, then brings its places to
// y = activation((x - mean) · rstd · weight + bias). In front of it stand what norms.cuh names, and:
//   kImages, kParts, kChunk     of the first step
//   kBlocks, kBlockPlaces       blocks of an image, and the places of one
//   kThreads, kEpsilon
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kChannelsOfGroup = kChannels / kGroups;
constexpr int kPacks = kChannels / kVector;

template <bool kPacked>
inline void run(const X *x, const X *weight, const X *bias, X *y, const A *means, const A *rstds,
                Index image, Index begin, Index end) {
  // Thread by thread through the packs of the places, in whole steps of a place if they fit.
  const Index first = (image * kPlaces + begin) * kPacks;
  const Index count = (end - begin) * kPacks;
#pragma unroll 2
  for (Index i = threadIdx.x; i < count; i += kThreads) {
    const int c = (int)(i % kPacks) * kVector;
    const Index at = (first + i) * kVector;
    const Pack<X, kVector> pack = read_channels<kPacked>(x + at, 0);
    const Pack<X, kVector> w = kWeight ? read_channels<kPacked>(weight, c) : pack;
    const Pack<X, kVector> b = kBias ? read_channels<kPacked>(bias, c) : pack;
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const int group = (c + k) / kChannelsOfGroup;
      A z = ((A)number(pack.at[k]) - means[group]) * rstds[group];
      if (kWeight) z *= (A)number(w.at[k]);
      if (kBias) z += (A)number(b.at[k]);
      out.at[k] = Store<X>::from(kSilu ? silu(z) : z);
    }
    write_channels<kPacked>(y + at, 0, out);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    group_norm(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
               const A *partial) {
  const Index image = blockIdx.x / kBlocks;
  const Index block = blockIdx.x % kBlocks;
  __shared__ A means[kGroups];
  __shared__ A rstds[kGroups];
  // Every group by a few neighbouring threads, each of which joins some of the parts.
  constexpr int kLanes = kThreads / kGroups >= 8 ? 8 : 1;
  for (int first = 0; first < kGroups; first += kThreads / kLanes) {
    const int group = first + threadIdx.x / kLanes;
    A sum = 0;
    for (int part = threadIdx.x % kLanes; part < kParts && group < kGroups; part += kLanes) {
      const A count = (A)((part + 1) * kChunk < kPlaces ? kChunk : kPlaces - part * kChunk);
      sum += count * partial[((image * kParts + part) * kGroups + group) * 2];
    }
#pragma unroll
    for (int apart = kLanes / 2; apart > 0; apart /= 2)
      sum += __shfl_xor_sync(0xffffffffu, sum, apart);
    const A mean = sum / kPlaces;
    A squares = 0;
    for (int part = threadIdx.x % kLanes; part < kParts && group < kGroups; part += kLanes) {
      const A count = (A)((part + 1) * kChunk < kPlaces ? kChunk : kPlaces - part * kChunk);
      const A *of = partial + ((image * kParts + part) * kGroups + group) * 2;
      const A apart = of[0] - mean;
      squares += of[1] + apart * apart * count * kChannelsOfGroup;
    }
#pragma unroll
    for (int apart = kLanes / 2; apart > 0; apart /= 2)
      squares += __shfl_xor_sync(0xffffffffu, squares, apart);
    if (group < kGroups && threadIdx.x % kLanes == 0) {
      const A rstd = 1 / sqrt(squares / ((A)kPlaces * kChannelsOfGroup) + (A)kEpsilon);
      means[group] = mean;
      rstds[group] = rstd;
      if (block == 0) {
        mean_out[image * kGroups + group] = mean;
        rstd_out[image * kGroups + group] = rstd;
      }
    }
  }
  __syncthreads();
  const Index begin = block * kBlockPlaces;
  const Index end = begin + kBlockPlaces < kPlaces ? begin + kBlockPlaces : kPlaces;
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y) &&
      (!kWeight || takes_packs<kVector>(weight)) && (!kBias || takes_packs<kVector>(bias)))
    run<true>(x, weight, bias, y, means, rstds, image, begin, end);
  else
    run<false>(x, weight, bias, y, means, rstds, image, begin, end);
}
