// Numbers in even steps along an axis. In front of it stand: T, Index, Unsigned, offset_y(i),
// kSize and kInner (of the axis, and the elements behind one step of it), kWhole, kStart, kStep,
// kThreads. Compiled without contraction: the product is rounded, then the sum.
#include "elements.cuh"

extern "C" __global__ void __launch_bounds__(kThreads) iota(T *y, long long count) {
  for (long long i = (long long)blockIdx.x * kThreads + threadIdx.x; i < count;
       i += (long long)gridDim.x * kThreads) {
    const long long place = i / kInner % kSize;
    T *to = y + offset_y((Index)i);
    if (kWhole)
      *to = Store<T>::from(
          (long long)((unsigned long long)to_integer(kStep) * (unsigned long long)place +
                      (unsigned long long)to_integer(kStart)));
    else
      *to = Store<T>::from(kStart + kStep * (double)place);
  }
}
