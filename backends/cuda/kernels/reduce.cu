// Sums, products and extremes over axes. In front of it stand, made for one reduction:
//   X, Y, A                        the types of the input, of the answer, and of what is held
//   Index, Unsigned                integers wide enough
//   kept_x(o), kept_y(o)           where the o-th answer's elements begin, and where it goes
//   reduced_x(r)                   how far the r-th of its elements is from there
//   Join                           how two numbers become one: Sum, Product, Largest or Smallest
//   start()                        what nothing gives
//   kVector, kAlongKept            neighbours read at once: answers side by side, or elements of one
//   kKeptThreads, kReducedThreads  a block's threads along answers and along elements
//   kPartial                       each row of blocks gives answers of its own, to be joined later
//   finished(a)                    the last step, such as the division of a mean
// Sums of f32 keep what rounding drops, and threads and launches join in f64. Of bf16 and f16 the few
// numbers that a thread reads at once are added plainly first: they fit.
// The order of joining depends on these numbers alone, so that the bits are always the same.
#include "joins.cuh"

using Held = Running<Join, A>;
using Joined = Held::Joined;
using JoinWide = Held::JoinWide;
constexpr bool kNarrow = sizeof(X) < sizeof(A);
constexpr bool kSums = sizeof(Held) > sizeof(A);
constexpr int kHolds = kAlongKept || !kNarrow || !kSums ? kVector : 1;
constexpr int kThreads = kKeptThreads * kReducedThreads;
constexpr int kOutputs = kAlongKept ? kVector : 1;  // of a thread
constexpr int kStep = kAlongKept ? 1 : kVector;     // elements of one answer, read at once

template <bool kPacked>
inline Pack<X, kVector> load(const X *x, Index o, Index r, Index kept) {
  if (kPacked) return load_pack<kVector>(x + kept_x(o) + reduced_x(r));
  Pack<X, kVector> pack;
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const Index answer = kAlongKept ? o + k : o;
    const Index element = kAlongKept ? r : r + k;
    pack.at[k] = x[kept_x(answer < kept ? answer : o) + reduced_x(element)];
  }
  return pack;
}

// The join of a pack, in pairs.
inline A joined_pack(const Pack<X, kVector> &pack) {
  A numbers[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) numbers[k] = (A)number(pack.at[k]);
#pragma unroll
  for (int half = kVector / 2; half > 0; half /= 2) {
#pragma unroll
    for (int k = 0; k < half; ++k) numbers[k] = Join::of(numbers[k], numbers[k + half]);
  }
  return numbers[0];
}

template <bool kPacked>
inline void run(const X *x, Y *y, Index kept, Index reduced, Index chunk,
                Joined (&shared)[kOutputs][kThreads]) {
  const int thread = threadIdx.x;
  const int place = kAlongKept ? thread % kKeptThreads : thread / kReducedThreads;
  const int lane = kAlongKept ? thread / kKeptThreads : thread % kReducedThreads;
  const Index o = ((Index)blockIdx.x * kKeptThreads + place) * kOutputs;
  const Index begin = (Index)blockIdx.y * chunk;
  const Index end = begin + chunk < reduced ? begin + chunk : reduced;
  Held held[kHolds];
#pragma unroll
  for (int k = 0; k < kHolds; ++k) held[k] = {start()};
  if (o < kept) {
    constexpr int kTogether = kSums && kNarrow && kAlongKept ? 4 : 1;
    const Index apart = kReducedThreads * kStep;
    Index r = begin + lane * kStep;
    for (; r + (kTogether - 1) * apart < end && kTogether > 1; r += kTogether * apart) {
      Pack<X, kVector> packs[kTogether];
#pragma unroll
      for (int i = 0; i < kTogether; ++i) packs[i] = load<kPacked>(x, o, r + i * apart, kept);
#pragma unroll
      for (int k = 0; k < kHolds; ++k) {
        A sum = (A)number(packs[0].at[k]);
#pragma unroll
        for (int i = 1; i < kTogether; ++i) sum = Join::of(sum, (A)number(packs[i].at[k]));
        held[k].add(sum);
      }
    }
#pragma unroll 4
    for (; r < end; r += apart) {
      const Pack<X, kVector> pack = load<kPacked>(x, o, r, kept);
      if (kHolds == kVector) {
#pragma unroll
        for (int k = 0; k < kHolds; ++k) held[k].add((A)number(pack.at[k]));
      } else {
        held[0].add(joined_pack(pack));
      }
    }
  }
  Joined joined[kOutputs];
#pragma unroll
  for (int k = 0; k < kOutputs; ++k) joined[k] = held[k].value();
  if (!kAlongKept) {
#pragma unroll
    for (int k = 1; k < kHolds; ++k) joined[0] = JoinWide::of(joined[0], held[k].value());
      // Neighbours first: all of a warp's threads are here.
#pragma unroll
    for (int half = (kReducedThreads < 32 ? kReducedThreads : 32) / 2; half > 0; half /= 2)
      joined[0] = JoinWide::of(joined[0], __shfl_xor_sync(0xffffffffu, joined[0], half));
  }
  constexpr int kLeft = kAlongKept ? kReducedThreads : (kReducedThreads + 31) / 32;
  constexpr int kOfLane = kAlongKept ? 1 : 32;            // threads that have one number together
  constexpr int kApart = kAlongKept ? kKeptThreads : 32;  // of those to be joined
  if (kLeft > 1) {
#pragma unroll
    for (int k = 0; k < kOutputs; ++k) shared[k][thread] = joined[k];
#pragma unroll
    for (int half = kLeft / 2; half > 0; half /= 2) {
      __syncthreads();
      if (lane / kOfLane < half && lane % kOfLane == 0) {
#pragma unroll
        for (int k = 0; k < kOutputs; ++k)
          shared[k][thread] = JoinWide::of(shared[k][thread], shared[k][thread + half * kApart]);
      }
    }
#pragma unroll
    for (int k = 0; k < kOutputs; ++k) joined[k] = shared[k][thread];
  }
  if (lane != 0) return;
#pragma unroll
  for (int k = 0; k < kOutputs; ++k) {
    if (o + k >= kept) continue;
    if (kPartial)
      y[(Index)blockIdx.y * kept + o + k] = Store<Y>::from(joined[k]);
    else
      y[kept_y(o + k)] = Store<Y>::from((A)finished(joined[k]));
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    reduce(const X *x, Y *y, long long kept, long long reduced, long long chunk) {
  __shared__ Joined shared[kOutputs][kThreads];
  if (takes_packs<kVector>(x))
    run<true>(x, y, (Index)kept, (Index)reduced, (Index)chunk, shared);
  else
    run<false>(x, y, (Index)kept, (Index)reduced, (Index)chunk, shared);
}
