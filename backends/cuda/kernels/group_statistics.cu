// The first step of group_norm over x[images, places, channels]: the mean, and the sum of squares
// around it, of each group over the places of each part: partial[images][groups][parts][2]. In front
// of it stand what norms.cuh names, and:
//   kParts, kChunk           kChunk places are a part, whose rows a block reads whole
//   kPlaceThreads, kThreads  every pack of channels has kPlaceThreads threads; whole warps
//   kLanes                   neighbouring threads that add up what all threads hold of a group
//   kBlocksAtOnce            blocks that a multiprocessor has room for
// Squares are small since each thread takes the first number of a group that it meets as the middle;
// the block then finds the part's mean, and brings the squares to that mean.
#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kWidth = kChannels / kGroups;
constexpr int kPacks = kChannels / kVector;
constexpr int kActive = kPacks * kPlaceThreads;
constexpr int kAhead = 4;  // packs of a thread that are on their way
// The most packs that a group meets, and the most groups that a pack meets: its pieces.
constexpr int kPacksOfGroup =
    kWidth % kVector == 0 ? kWidth / kVector : (kWidth + kVector - 2) / kVector + 1;
constexpr int kPieces = kWidth % kVector == 0   ? 1
                        : kVector % kWidth == 0 ? kVector / kWidth
                                                : (kVector - 2) / kWidth + 2;

using W = Wide<A>::Type;

struct Shared {
  W pieces[kPieces][kActive];
  A means[kGroups];
};

// Whether a channel of a pack that begins `within` channels behind the start of a group is of that piece.
inline bool is_of(int piece, int within, int channel) {
  if (kWidth % kVector == 0) return true;
  if (kVector % kWidth == 0) return channel / kWidth == piece;
  const int at = within + channel;
  return piece * kWidth <= at && at < (piece + 1) * kWidth;
}

// Calls give(group, sum) with what all threads have shared of each group.
template <typename Give>
inline void add_up(const Shared &shared, const Give &give) {
  const int lane = threadIdx.x % kLanes;
  for (int begun = 0; begun < kGroups; begun += kThreads / kLanes) {
    const int group = begun + threadIdx.x / kLanes;
    const int first = group * kWidth / kVector;
    const int last = group < kGroups ? ((group + 1) * kWidth - 1) / kVector : -1;
    W sum = 0;
    for (int i = lane; i < kPlaceThreads * kPacksOfGroup; i += kLanes) {
      const int pack = first + i % kPacksOfGroup;
      if (pack > last) continue;
      sum += shared.pieces[group - pack * kVector / kWidth][i / kPacksOfGroup * kPacks + pack];
    }
    sum = sum_of_lanes<kLanes>(sum);
    if (group < kGroups && lane == 0) give(group, sum);
  }
}

// What a thread has summed of the channels of each piece.
struct Sums {
  A counts[kPieces];
  A middles[kPieces];  // the first numbers that it met
  W sums[kPieces];
  A squares[kPieces];  // of the distances from the middle
};

template <bool kPacked>
inline Sums sums_of_thread(const X *from, int within, int trips) {
  constexpr Index kStep = (Index)kPlaceThreads * kChannels;
  HeldPack<X> packs[kAhead];
#pragma unroll
  for (int i = 0; i < kAhead; ++i)
    if (i < trips) packs[i].template read<kPacked>(from + i * kStep, 0);
  Sums made = {};
  if (trips == 0) return made;
#pragma unroll
  for (int k = kVector - 1; k >= 0; --k) {
#pragma unroll
    for (int piece = 0; piece < kPieces; ++piece)
      if (is_of(piece, within, k)) made.middles[piece] = (A)number(packs[0].at(k));
  }
  A middles[kVector];
  Total<A, sizeof(X) == sizeof(A)> sums[kVector] = {};
  A squares[kVector] = {};
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    middles[k] = made.middles[0];
#pragma unroll
    for (int piece = 1; piece < kPieces; ++piece)
      if (is_of(piece, within, k)) middles[k] = made.middles[piece];
  }
  for (int done = 0; done < trips; done += kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (done + i >= trips) continue;
#pragma unroll
      for (int k = 0; k < kVector; ++k) {
        const A one = (A)number(packs[i].at(k));
        const A apart = one - middles[k];
        sums[k].add(one);
        squares[k] += apart * apart;
      }
      const int next = done + i + kAhead;
      if (next < trips) packs[i].template read<kPacked>(from + next * kStep, 0);
    }
  }
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
#pragma unroll
    for (int piece = 0; piece < kPieces; ++piece) {
      if (!is_of(piece, within, k)) continue;
      made.counts[piece] += trips;
      made.sums[piece] += sums[k].value();
      made.squares[piece] += squares[k];
    }
  }
  return made;
}

template <bool kPacked>
inline void run(const X *x, Pack<A, 2> *partial, Shared &shared) {
  const int part = blockIdx.x % kParts;
  const Index image = blockIdx.x / kParts;
  const Index first = (Index)part * kChunk;
  const Index last = first + kChunk < kPlaces ? first + kChunk : kPlaces;
  const int c = threadIdx.x % kPacks * kVector;
  const int group = c / kWidth;
  const Index begin = first + threadIdx.x / kPacks;
  const bool active = threadIdx.x < kActive;
  const int trips = active && begin < last ? (last - begin + kPlaceThreads - 1) / kPlaceThreads : 0;
  const X *rows = x + image * kPlaces * kChannels;
  const Sums own = sums_of_thread<kPacked>(rows + begin * kChannels + c, c % kWidth, trips);
#pragma unroll
  for (int piece = 0; piece < kPieces && active; ++piece)
    shared.pieces[piece][threadIdx.x] = own.sums[piece];
  __syncthreads();
  const W count = (W)(last - first) * kWidth;
  add_up(shared, [&](int of, W sum) { shared.means[of] = (A)(sum / count); });
  __syncthreads();
#pragma unroll
  for (int piece = 0; piece < kPieces && active; ++piece) {
    const A middle = own.middles[piece];
    const A sum = (A)(own.sums[piece] - (W)own.counts[piece] * (W)middle);
    const A mean = own.counts[piece] > 0 ? sum / own.counts[piece] : (A)0;
    const A apart = middle - shared.means[group + piece < kGroups ? group + piece : group] + mean;
    shared.pieces[piece][threadIdx.x] =
        own.squares[piece] - sum * mean + own.counts[piece] * apart * apart;
  }
  __syncthreads();
  add_up(shared, [&](int of, W sum) {
    partial[(image * kGroups + of) * kParts + part] = {{shared.means[of], (A)sum}};
  });
}

extern "C" __global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    group_statistics(const X *x, Pack<A, 2> *partial) {
  __shared__ Shared shared;
  let_next_begin();
  if (takes_packs<kVector>(x))
    run<true>(x, partial, shared);
  else
    run<false>(x, partial, shared);
}
