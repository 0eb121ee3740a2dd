// What the first steps of group_norm and of its gradient share: a block reads the rows of some places
// whole, and joins what its threads hold of each group. In front of it stand what norms.cuh names, and:
//   kParts, kChunk           kChunk places are a part, which is one block's
//   kPlaceThreads, kThreads  every pack of channels has kPlaceThreads threads; whole warps
//   kLanes                   neighbouring threads that add up what all threads hold of a group
#pragma once

#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kWidth = kChannels / kGroups;
constexpr int kPacks = kChannels / kVector;
constexpr int kActive = kPacks * kPlaceThreads;
// The most packs that a group meets, and the most groups that a pack meets: its pieces.
constexpr int kPacksOfGroup =
    kWidth % kVector == 0 ? kWidth / kVector : (kWidth + kVector - 2) / kVector + 1;
constexpr int kPieces = kWidth % kVector == 0   ? 1
                        : kVector % kWidth == 0 ? kVector / kWidth
                                                : (kVector - 2) / kWidth + 2;

// The pack of channels and the places that are a thread's: each kPlaceThreads-th of its block's part.
struct OwnPlaces {
  static constexpr Index kStep = (Index)kPlaceThreads * kChannels;  // from one to the next
  const bool active = threadIdx.x < kActive;
  const int channel = threadIdx.x % kPacks * kVector;
  const int group = channel / kWidth;   // of the first piece
  const int within = channel % kWidth;  // channels of that group that stand before the pack
  const int part = blockIdx.x % kParts;
  const Index image = blockIdx.x / kParts;
  Index count;   // of the part's places
  Index before;  // elements before the first of them
  int trips;

  OwnPlaces() {
    const Index first = (Index)part * kChunk;
    const Index last = first + kChunk < kPlaces ? first + kChunk : kPlaces;
    const Index begin = first + threadIdx.x / kPacks;
    count = last - first;
    before = (image * kPlaces + begin) * kChannels + channel;
    trips = active && begin < last ? (last - begin + kPlaceThreads - 1) / kPlaceThreads : 0;
  }
  // Of a piece; one that the pack does not have stands for the first.
  int group_of(int piece) const { return group + piece < kGroups ? group + piece : group; }
};

// Whether a channel of a pack that begins `within` channels behind the start of a group is of that piece.
inline bool is_of(int piece, int within, int channel) {
  if (kWidth % kVector == 0) return true;
  if (kVector % kWidth == 0) return channel / kWidth == piece;
  const int at = within + channel;
  return piece * kWidth <= at && at < (piece + 1) * kWidth;
}

// Calls give(group, sum) with what all threads have shared of each group.
template <typename N, typename Give>
inline void add_up(const N (&shared)[kPieces][kActive], const Give &give) {
  using W = Wide<A>::Type;
  const int lane = threadIdx.x % kLanes;
  for (int begun = 0; begun < kGroups; begun += kThreads / kLanes) {
    const int group = begun + threadIdx.x / kLanes;
    const int first = group * kWidth / kVector;
    const int last = group < kGroups ? ((group + 1) * kWidth - 1) / kVector : -1;
    W sum = 0;
    for (int i = lane; i < kPlaceThreads * kPacksOfGroup; i += kLanes) {
      const int pack = first + i % kPacksOfGroup;
      if (pack > last) continue;
      sum += shared[group - pack * kVector / kWidth][i / kPacksOfGroup * kPacks + pack];
    }
    sum = sum_of_lanes<kLanes>(sum);
    if (group < kGroups && lane == 0) give(group, sum);
  }
}
