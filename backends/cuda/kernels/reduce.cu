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
// The order of joining depends on these numbers alone, so that the bits are always the same.
#include "elements.cuh"

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

template <bool kPacked>
inline void run(const X *x, Y *y, Index kept, Index reduced, Index chunk,
                A (&shared)[kOutputs][kThreads]) {
  const int thread = threadIdx.x;
  const int place = kAlongKept ? thread % kKeptThreads : thread / kReducedThreads;
  const int lane = kAlongKept ? thread / kKeptThreads : thread % kReducedThreads;
  const Index o = ((Index)blockIdx.x * kKeptThreads + place) * kOutputs;
  const Index begin = (Index)blockIdx.y * chunk;
  const Index end = begin + chunk < reduced ? begin + chunk : reduced;
  A held[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) held[k] = start();
  if (o < kept) {
#pragma unroll 4
    for (Index r = begin + lane * kStep; r < end; r += kReducedThreads * kStep) {
      const Pack<X, kVector> pack = load<kPacked>(x, o, r, kept);
#pragma unroll
      for (int k = 0; k < kVector; ++k) held[k] = Join::of(held[k], (A)number(pack.at[k]));
    }
  }
  if (!kAlongKept) {
#pragma unroll
    for (int k = 1; k < kVector; ++k) held[0] = Join::of(held[0], held[k]);
  }
#pragma unroll
  for (int k = 0; k < kOutputs; ++k) shared[k][thread] = held[k];
  constexpr int kApart = kAlongKept ? kKeptThreads : 1;  // of neighbours among the lanes
#pragma unroll
  for (int half = kReducedThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) {
#pragma unroll
      for (int k = 0; k < kOutputs; ++k)
        shared[k][thread] = Join::of(shared[k][thread], shared[k][thread + half * kApart]);
    }
  }
  if (lane != 0) return;
#pragma unroll
  for (int k = 0; k < kOutputs; ++k) {
    if (o + k >= kept) continue;
    if (kPartial)
      y[(Index)blockIdx.y * kept + o + k] = Store<Y>::from(shared[k][thread]);
    else
      y[kept_y(o + k)] = Store<Y>::from(finished(shared[k][thread]));
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    reduce(const X *x, Y *y, long long kept, long long reduced, long long chunk) {
  __shared__ A shared[kOutputs][kThreads];
  if (takes_packs<kVector>(x))
    run<true>(x, y, (Index)kept, (Index)reduced, (Index)chunk, shared);
  else
    run<false>(x, y, (Index)kept, (Index)reduced, (Index)chunk, shared);
}
