// The first step of group_norm over x[images, places, channels]: the mean, and the sum of squares
// around it, of each group over the places of each part: partial[images][parts][groups][2]. In front
// of it stand what norms.cuh names, and:
//   kImages, kParts, kChunk, kChannelThreads, kPlaceThreads
// Each thread takes the first number it meets as the middle, so that squares stay small, and means
// are joined pair by pair.
#include "norms.cuh"

constexpr int kThreads = kChannelThreads * kPlaceThreads;
constexpr int kGroups = kStatistics;
constexpr int kChannelsOfGroup = kChannels / kGroups;

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
inline void run(const X *x, A *partial) {
  const int lane = threadIdx.x % kChannelThreads;
  const int place_lane = threadIdx.x / kChannelThreads;
  const int part = blockIdx.x % kParts;
  const Index image = blockIdx.x / kParts;
  const Index begin = (Index)part * kChunk;
  const Index end = begin + kChunk < kPlaces ? begin + kChunk : kPlaces;
  __shared__ Moments shared[kThreads];
  // Channels in turns; those of one pack are of one group.
  for (int first = 0; first < kChannels; first += kChannelThreads * kVector) {
    const int c = first + lane * kVector;
    Moments held = {0, 0, 0};
    if (c < kChannels && begin + place_lane < end) {
      const X *from = x + image * kPlaces * kChannels;
      const A middle = (A)number(from[(begin + place_lane) * kChannels + c]);
      A sum = 0;
      A squares = 0;
      int places = 0;
#pragma unroll 4
      for (Index place = begin + place_lane; place < end; place += kPlaceThreads) {
        const Pack<X, kVector> pack = read_channels<kPacked>(from + place * kChannels, c);
#pragma unroll
        for (int k = 0; k < kVector; ++k) {
          const A apart = (A)number(pack.at[k]) - middle;
          sum += apart;
          squares += apart * apart;
        }
        ++places;
      }
      const A count = (A)places * kVector;
      held = {count, middle + sum / count, squares - sum * (sum / count)};
    }
    __syncthreads();
    shared[threadIdx.x] = held;
#pragma unroll
    for (int half = kPlaceThreads / 2; half > 0; half /= 2) {
      __syncthreads();
      if (place_lane < half)
        shared[threadIdx.x] =
            joined(shared[threadIdx.x], shared[threadIdx.x + half * kChannelThreads]);
    }
    __syncthreads();
    // The groups that begin in this turn; a turn holds whole groups.
    constexpr int kPacksOfGroup = kChannelsOfGroup / kVector;
    constexpr int kGroupsOfTurn = kChannelThreads / kPacksOfGroup;
    for (int g = threadIdx.x; g < kGroupsOfTurn; g += kThreads) {
      const int group = first / kChannelsOfGroup + g;
      if (group >= kGroups) continue;
      Moments all = shared[g * kPacksOfGroup];
      for (int pack = 1; pack < kPacksOfGroup; ++pack)
        all = joined(all, shared[g * kPacksOfGroup + pack]);
      A *to = partial + ((image * kParts + part) * kGroups + group) * 2;
      to[0] = all.mean;
      to[1] = all.squares;
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) group_statistics(const X *x, A *partial) {
  if (takes_packs<kVector>(x))
    run<true>(x, partial);
  else
    run<false>(x, partial);
}
