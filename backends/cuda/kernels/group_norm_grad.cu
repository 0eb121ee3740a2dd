// The last step of group_norm_grad: every block makes the sums of its image's groups from those of the
// channels, then dx = rstd · (g - mean g - x̂ · mean(g · x̂)). In front of it stand what norms.cuh
// names, and:
//   kImages, kBlocks, kBlockPlaces, kPlaceThreads, kThreads as in group_norm.cu
//   sums[2][images][channels]   Σ dz · x̂, then Σ dz, over an image's places
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kChannelsOfGroup = kChannels / kGroups;
constexpr int kPacks = kChannels / kVector;

template <bool kPacked>
inline void run(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                const X *bias, X *dx, const A *products, const A *plain, Index first, Index last) {
  if (threadIdx.x >= kPacks * kPlaceThreads) return;
  const int c = threadIdx.x % kPacks * kVector;
  const Channels channels(weight, bias, c);
  A middles[kVector];
  A scales[kVector];
  A product[kVector];
  A sum[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const int group = (c + k) / kChannelsOfGroup;
    middles[k] = mean[group];
    scales[k] = rstd[group];
    product[k] = products[group];
    sum[k] = plain[group];
  }
#pragma unroll 2
  for (Index row = first + threadIdx.x / kPacks; row < last; row += kPlaceThreads) {
    const Pack<X, kVector> g = read_channels<kPacked>(dy + row * kChannels, c);
    const Pack<X, kVector> pack = read_channels<kPacked>(x + row * kChannels, c);
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A unit = ((A)number(pack.at[k]) - middles[k]) * scales[k];
      const A given = channels.through((A)number(g.at[k]), unit, k) * channels.weights[k];
      out.at[k] = Store<X>::from(scales[k] * (given - sum[k] - unit * product[k]));
    }
    write_channels<kPacked>(dx + row * kChannels, c, out);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    group_norm_grad(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                    const X *bias, X *dx, const A *sums) {
  const Index image = blockIdx.x / kBlocks;
  const Index block = blockIdx.x % kBlocks;
  __shared__ A products[kGroups];
  __shared__ A plain[kGroups];
  for (int group = threadIdx.x; group < kGroups; group += kThreads) {
    A product = 0;
    A sum = 0;
#pragma unroll 8
    for (int k = 0; k < kChannelsOfGroup; ++k) {
      const int c = group * kChannelsOfGroup + k;
      const A scale = kWeight ? (A)number(weight[c]) : (A)1;
      product += scale * sums[image * kChannels + c];
      sum += scale * sums[((Index)kImages + image) * kChannels + c];
    }
    const A count = (A)kPlaces * kChannelsOfGroup;
    products[group] = product / count;
    plain[group] = sum / count;
  }
  __syncthreads();
  const Index begin = block * kBlockPlaces;
  const Index end = begin + kBlockPlaces < kPlaces ? begin + kBlockPlaces : kPlaces;
  const Index before = image * kPlaces;
  const A *means = mean + image * kGroups;
  const A *rstds = rstd + image * kGroups;
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(x) && takes_packs<kVector>(dx))
    run<true>(dy, x, means, rstds, weight, bias, dx, products, plain, before + begin, before + end);
  else
    run<false>(dy, x, means, rstds, weight, bias, dx, products, plain, before + begin,
               before + end);
}
