// Sums over places, for each channel of x[images, places, channels]: what norms' gradients need. The
// answer is sums[2][images][parts][channels]: Σ dz · x̂, then Σ dz, over the places of each part, where
// x̂ = (x - mean) · rstd and dz = dy · activation'(z), z = x̂ · weight + bias. In front of it stand:
//   X, A                the type of the tensors, and that of the arithmetic, mean and rstd
//   Index, kVector
//   kChannels, kPlaces, kImages, kParts, kChunk    sizes; kChunk places are a part
//   kStatistics         of each image: 0 a mean and rstd for each place, else that many groups
//   kCentered, kWeight, kBias, kSilu
//   kKeptThreads, kPlaceThreads
#include "norms.cuh"

constexpr int kThreads = kKeptThreads * kPlaceThreads;
using Held = Total<A, sizeof(X) == sizeof(A)>;
using W = Wide<A>::Type;

template <bool kPacked>
inline void run(const X *dy, const X *x, const A *mean_in, const A *rstd_in, const X *weight,
                const X *bias, A *sums, W (&shared)[2][kVector][kThreads]) {
  const int place_lane = threadIdx.x / kKeptThreads;
  const int c = (blockIdx.x * kKeptThreads + threadIdx.x % kKeptThreads) * kVector;
  const int part = blockIdx.y % kParts;
  const Index image = blockIdx.y / kParts;
  Held products[kVector] = {};
  Held plain[kVector] = {};
  if (c < kChannels) {
    const Channels channels(weight, bias, c);
    A means[kVector];
    A rstds[kVector];
#pragma unroll
    for (int k = 0; k < kVector && kStatistics != 0; ++k) {
      const Index at = statistic_of(image, 0, c + k);
      means[k] = kCentered ? mean_in[at] : (A)0;
      rstds[k] = rstd_in[at];
    }
    const Index begin = (Index)part * kChunk;
    const Index end = begin + kChunk < kPlaces ? begin + kChunk : kPlaces;
#pragma unroll 4
    for (Index place = begin + place_lane; place < end; place += kPlaceThreads) {
      const Index row = image * kPlaces + place;
      const Pack<X, kVector> g = read_channels<kPacked>(dy + row * kChannels, c);
      const Pack<X, kVector> pack = read_channels<kPacked>(x + row * kChannels, c);
      const A row_mean = kStatistics == 0 && kCentered ? mean_in[row] : (A)0;
      const A row_rstd = kStatistics == 0 ? rstd_in[row] : (A)0;
#pragma unroll
      for (int k = 0; k < kVector; ++k) {
        const A middle = kStatistics == 0 ? row_mean : means[k];
        const A scale = kStatistics == 0 ? row_rstd : rstds[k];
        const A unit = ((A)number(pack.at[k]) - middle) * scale;
        const A given =
            through((A)number(g.at[k]), unit * channels.weights[k] + channels.biases[k]);
        products[k].add(given * unit);
        plain[k].add(given);
      }
    }
  }
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    shared[0][k][threadIdx.x] = products[k].value();
    shared[1][k][threadIdx.x] = plain[k].value();
  }
#pragma unroll
  for (int half = kPlaceThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (place_lane >= half) continue;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      shared[0][k][threadIdx.x] += shared[0][k][threadIdx.x + half * kKeptThreads];
      shared[1][k][threadIdx.x] += shared[1][k][threadIdx.x + half * kKeptThreads];
    }
  }
  if (place_lane != 0 || c >= kChannels) return;
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const Index at = (image * kParts + part) * kChannels + c + k;
    sums[at] = (A)shared[0][k][threadIdx.x];
    sums[(Index)kImages * kParts * kChannels + at] = (A)shared[1][k][threadIdx.x];
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    channel_sums(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                 const X *bias, A *sums) {
  __shared__ W shared[2][kVector][kThreads];
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(x))
    run<true>(dy, x, mean, rstd, weight, bias, sums, shared);
  else
    run<false>(dy, x, mean, rstd, weight, bias, sums, shared);
}
