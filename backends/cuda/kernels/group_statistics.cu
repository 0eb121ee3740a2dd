// The first step of group_norm over x[images, places, channels]: the mean, and the sum of squares
// around it, of each group over the places of each part: partial[images][groups][parts][2]. In front
// of it stands what group_pieces.cuh names, and:
//   kBlocksAtOnce    blocks that a multiprocessor has room for
// Squares are small since each thread takes the first number of a group that it meets as the middle;
// the block then finds the part's mean, and brings the squares to that mean.
#include "group_pieces.cuh"

constexpr int kAhead = 4;  // packs of a thread that are on their way

using W = Wide<A>::Type;

struct Shared {
  W pieces[kPieces][kActive];
  A means[kGroups];
};

// What a thread has summed of the channels of each piece.
struct Sums {
  A counts[kPieces];
  A middles[kPieces];  // the first numbers that it met
  W sums[kPieces];
  A squares[kPieces];  // of the distances from the middle
};

template <bool kPacked>
inline Sums sums_of_thread(const X *from, int within, int trips) {
  constexpr Index kStep = OwnPlaces::kStep;
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
  const OwnPlaces places;
  const Sums own = sums_of_thread<kPacked>(x + places.before, places.within, places.trips);
#pragma unroll
  for (int piece = 0; piece < kPieces && places.active; ++piece)
    shared.pieces[piece][threadIdx.x] = own.sums[piece];
  __syncthreads();
  const W count = (W)places.count * kWidth;
  add_up(shared.pieces, [&](int of, W sum) { shared.means[of] = (A)(sum / count); });
  __syncthreads();
#pragma unroll
  for (int piece = 0; piece < kPieces && places.active; ++piece) {
    const A middle = own.middles[piece];
    const A sum = (A)(own.sums[piece] - (W)own.counts[piece] * (W)middle);
    const A mean = own.counts[piece] > 0 ? sum / own.counts[piece] : (A)0;
    const A apart = middle - shared.means[places.group_of(piece)] + mean;
    shared.pieces[piece][threadIdx.x] =
        own.squares[piece] - sum * mean + own.counts[piece] * apart * apart;
  }
  __syncthreads();
  add_up(shared.pieces, [&](int of, W sum) {
    partial[(places.image * kGroups + of) * kParts + places.part] = {{shared.means[of], (A)sum}};
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
