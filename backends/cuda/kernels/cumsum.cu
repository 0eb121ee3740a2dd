// Running sums along an axis. In front of it stand: X, A (what sums are held in), Index, Unsigned,
// line_x(l), line_y(l), kSize, kStepX, kStepY, kExclusive, kReverse, kGroup (1, or a warp for each
// line), kThreads.
#include "joins.cuh"

extern "C" __global__ void __launch_bounds__(kThreads) cumsum(const X *x, X *y, long long lines) {
  const long long l = (long long)blockIdx.x * (kThreads / kGroup) + threadIdx.x / kGroup;
  const int lane = threadIdx.x % kGroup;
  if (l >= lines) return;  // whole warps, or threads that wait for nobody
  const X *from = x + line_x((Index)l);
  X *to = y + line_y((Index)l);
  A before = 0;
  for (long long first = 0; first < kSize; first += kGroup) {
    const long long i = first + lane;
    const long long place = kReverse ? kSize - 1 - i : i;
    const A own = i < kSize ? (A)number(from[place * kStepX]) : (A)0;
    A sum = own;
#pragma unroll
    for (int apart = 1; apart < kGroup; apart *= 2) {
      const A left = __shfl_up_sync(0xffffffffu, sum, apart);
      if (lane >= apart) sum = Sum<A>::of(left, sum);
    }
    A until = __shfl_up_sync(0xffffffffu, sum, 1);
    if (kGroup == 1 || lane == 0) until = 0;
    if (i < kSize)
      to[place * kStepY] = Store<X>::from(Sum<A>::of(before, kExclusive ? until : sum));
    before = Sum<A>::of(before, kGroup == 1 ? sum : __shfl_sync(0xffffffffu, sum, kGroup - 1));
  }
}
