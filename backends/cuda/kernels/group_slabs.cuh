// What the second steps of group_norm and of its gradient share: a block has a slab of channels of some
// places, and joins what the first step left of the slab's groups. In front of it stand what norms.cuh
// names, and:
//   kParts                      of the first step
//   kSlabPacks                  neighbouring packs of channels that a block has: a slab
//   kBlocks, kBlockPlaces       blocks of a slab of an image, and the places of one
//   kPlaceThreads, kThreads     every pack of a slab has kPlaceThreads threads; whole warps
#pragma once

#include "norms.cuh"

constexpr int kGroups = kStatistics;
constexpr int kWidth = kChannels / kGroups;
constexpr int kSlab = kSlabPacks * kVector;
constexpr int kSlabs = kChannels / kSlab;
constexpr int kSlabGroups =
    kSlab % kWidth == 0 ? kSlab / kWidth : (kSlab + kWidth - 2) / kWidth + 1;
constexpr int kOwnParts = (kParts + 31) / 32;  // of a lane

// The pack of channels and the places that are a thread's.
struct SlabPlaces {
  static constexpr Index kStep = (Index)kPlaceThreads * kChannels;  // from one to the next
  int slab;
  int block;  // of the slab
  Index image;
  int channel;
  long long place;  // the first of all images' places
  Index before;     // elements before the thread's first pack
  int trips;

  SlabPlaces() {
    // Backwards: what the first step read last is what the cache still holds.
    const Index at = gridDim.x - 1 - blockIdx.x;
    slab = at % kSlabs;
    block = at / kSlabs % kBlocks;
    image = at / kSlabs / kBlocks;
    channel = slab * kSlab + threadIdx.x % kSlabPacks * kVector;
    const Index first = (Index)block * kBlockPlaces;
    const Index last = first + kBlockPlaces < kPlaces ? first + kBlockPlaces : kPlaces;
    const Index begin = first + threadIdx.x / kSlabPacks;
    const bool active = threadIdx.x < kSlabPacks * kPlaceThreads && begin < last;
    place = image * kPlaces + begin;
    before = (Index)place * kChannels + channel;
    trips = active ? (last - begin + kPlaceThreads - 1) / kPlaceThreads : 0;
  }
  int first_group() const { return slab * kSlab / kWidth; }
  // Of a channel of the thread's pack, counted from the slab's first.
  int group_of(int k) const { return (channel + k) / kWidth - first_group(); }
};

// Calls join(group) for each group of the slab, by whole warps.
template <typename Join>
inline void for_each_group(const SlabPlaces &places, const Join &join) {
  const int end = ((places.slab + 1) * kSlab - 1) / kWidth + 1;
  for (int group = places.first_group() + threadIdx.x / 32; group < end; group += kThreads / 32)
    join(group);
}

// What the first step left of a group's parts: of each kOwnParts-th in a lane.
struct OwnParts {
  Pack<A, 2> at[kOwnParts];

  explicit OwnParts(const Pack<A, 2> *parts) {
#pragma unroll
    for (int i = 0; i < kOwnParts; ++i) at[i] = has(i) ? parts[number_of(i)] : Pack<A, 2>{{0, 0}};
  }
  static int number_of(int i) {
    return threadIdx.x % 32 + i * 32;
  }
  static bool has(int i) {
    return number_of(i) < kParts;
  }
};
