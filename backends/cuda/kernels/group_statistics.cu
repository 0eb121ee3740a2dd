// The first step of group_norm over x[images, places, channels]: the mean, and the sum of squares
// around it, of each group over the places of each part: partial[images][parts][groups][2]. In front
// of it stand what norms.cuh names, and:
//   kImages, kParts, kChunk       kChunk places are a part
//   kPlaceThreads                 threads that share a pack of channels; every pack has some
//   kTogether                     channels of a pack that are of one group
// Each thread takes the first number it meets in a channel as the middle, so that squares stay small,
// and means are joined pair by pair.
#include "norms.cuh"

constexpr int kPacks = kChannels / kVector;
constexpr int kThreads = kPacks * kPlaceThreads;
constexpr int kGroups = kStatistics;
constexpr int kPieces = kVector / kTogether;  // of a pack
constexpr int kPiecesOfGroup = kChannels / kGroups / kTogether;

// Some numbers' count, mean and sum of squares around it.
struct Moments {
  A count;
  A mean;
  A squares;
};
inline Moments joined(const Moments &a, const Moments &b) {
  const A count = a.count + b.count;
  if (count == 0) return a;
  const A apart = b.mean - a.mean;
  const A share = b.count / count;
  return {count, a.mean + apart * share, a.squares + b.squares + apart * apart * a.count * share};
}

template <bool kPacked>
inline void run(const X *x, A *partial, Moments (&shared)[kPieces][kThreads]) {
  const int c = threadIdx.x % kPacks * kVector;
  const int place_lane = threadIdx.x / kPacks;
  const int part = blockIdx.x % kParts;
  const Index image = blockIdx.x / kParts;
  const Index begin = (Index)part * kChunk + place_lane;
  const Index end = (Index)(part + 1) * kChunk < kPlaces ? (Index)(part + 1) * kChunk : kPlaces;
  const X *from = x + image * kPlaces * kChannels;
  A middles[kVector];
  A sums[kVector] = {};
  A squares[kVector] = {};
  if (begin < end) {
    const Pack<X, kVector> pack = read_channels<kPacked>(from + begin * kChannels, c);
#pragma unroll
    for (int k = 0; k < kVector; ++k) middles[k] = (A)number(pack.at[k]);
  }
#pragma unroll 4
  for (Index place = begin; place < end; place += kPlaceThreads) {
    const Pack<X, kVector> pack = read_channels<kPacked>(from + place * kChannels, c);
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A apart = (A)number(pack.at[k]) - middles[k];
      sums[k] += apart;
      squares[k] += apart * apart;
    }
  }
  const A count = begin < end ? (A)((end - begin + kPlaceThreads - 1) / kPlaceThreads) : (A)0;
#pragma unroll
  for (int piece = 0; piece < kPieces; ++piece) {
    Moments held = {0, 0, 0};
#pragma unroll
    for (int k = piece * kTogether; k < (piece + 1) * kTogether && count > 0; ++k)
      held = joined(
          held, {count, middles[k] + sums[k] / count, squares[k] - sums[k] * (sums[k] / count)});
    shared[piece][threadIdx.x] = held;
  }
#pragma unroll
  for (int half = kPlaceThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (place_lane >= half) continue;
#pragma unroll
    for (int piece = 0; piece < kPieces; ++piece)
      shared[piece][threadIdx.x] =
          joined(shared[piece][threadIdx.x], shared[piece][threadIdx.x + half * kPacks]);
  }
  __syncthreads();
  for (int group = threadIdx.x; group < kGroups; group += kThreads) {
    Moments all = {0, 0, 0};
    for (int i = group * kPiecesOfGroup; i < (group + 1) * kPiecesOfGroup; ++i)
      all = joined(all, shared[i % kPieces][i / kPieces]);
    A *to = partial + ((image * kParts + part) * kGroups + group) * 2;
    to[0] = all.mean;
    to[1] = all.squares;
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) group_statistics(const X *x, A *partial) {
  __shared__ Moments shared[kPieces][kThreads];
  if (takes_packs<kVector>(x))
    run<true>(x, partial, shared);
  else
    run<false>(x, partial, shared);
}
