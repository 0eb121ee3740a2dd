// The last step of group_norm_grad: every block makes the sums of its image's groups from those of the
// channels, then dx = rstd · (g - mean g - x̂ · mean(g · x̂)). In front of it stand what norms.cuh
// names, and:
//   kImages, kBlocks, kBlockPlaces, kThreads
//   sums[2][images][channels]   Σ dz · x̂, then Σ dz, over an image's places
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kChannelsOfGroup = kChannels / kGroups;
constexpr int kPacks = kChannels / kVector;

template <bool kPacked>
inline void run(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                const X *bias, X *dx, const A *products, const A *plain, Index image, Index begin,
                Index end) {
  const Index first = (image * kPlaces + begin) * kPacks;
  const Index count = (end - begin) * kPacks;
  for (Index i = threadIdx.x; i < count; i += kThreads) {
    const int c = (int)(i % kPacks) * kVector;
    const Index at = (first + i) * kVector;
    const Pack<X, kVector> g = read_channels<kPacked>(dy + at, 0);
    const Pack<X, kVector> pack = read_channels<kPacked>(x + at, 0);
    const Channels<kPacked> channels(weight, bias, c);
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const int group = (c + k) / kChannelsOfGroup;
      const A scale = rstd[image * kGroups + group];
      const A unit = ((A)number(pack.at[k]) - mean[image * kGroups + group]) * scale;
      const A given = channels.through((A)number(g.at[k]), unit, k) * channels.weights[k];
      out.at[k] = Store<X>::from(scale * (given - plain[group] - unit * products[group]));
    }
    write_channels<kPacked>(dx + at, 0, out);
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
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(x) && takes_packs<kVector>(dx))
    run<true>(dy, x, mean, rstd, weight, bias, dx, products, plain, image, begin, end);
  else
    run<false>(dy, x, mean, rstd, weight, bias, dx, products, plain, image, begin, end);
}
