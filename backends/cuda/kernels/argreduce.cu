// The first place of the largest or smallest number along an axis, or of the first NaN. In front of it
// stand: X, Index, Unsigned, kept_x(o), kept_y(o), kSize and kStep of the axis, kGroup (threads of an
// answer, at most 32), kThreads, kLargest.
#include "joins.cuh"

template <typename Number>
inline bool wins(Number next, long long next_place, Number held, long long held_place) {
  const bool next_nan = is_nan(next);
  const bool held_nan = is_nan(held);
  if (next_nan || held_nan) return next_nan && held_nan ? next_place < held_place : next_nan;
  if (next == held) return next_place < held_place;
  return kLargest ? next > held : next < held;
}

extern "C" __global__ void __launch_bounds__(kThreads)
    argreduce(const X *x, long long *y, long long kept) {
  using Number = decltype(number(X()));
  const long long o = (long long)blockIdx.x * (kThreads / kGroup) + threadIdx.x / kGroup;
  const int lane = threadIdx.x % kGroup;
  const bool inside = o < kept;
  const X *from = x + kept_x((Index)(inside ? o : 0));
  long long place = lane < kSize ? lane : 0;
  Number best = number(from[place * kStep]);
  for (long long i = lane + kGroup; i < kSize; i += kGroup) {
    const Number next = number(from[i * kStep]);
    if (!wins(next, i, best, place)) continue;
    best = next;
    place = i;
  }
#pragma unroll
  for (int apart = kGroup / 2; apart > 0; apart /= 2) {
    const Number next = __shfl_xor_sync(0xffffffffu, best, apart);
    const long long at = __shfl_xor_sync(0xffffffffu, place, apart);
    if (!wins(next, at, best, place)) continue;
    best = next;
    place = at;
  }
  if (inside && lane == 0) y[kept_y((Index)o)] = place;
}
