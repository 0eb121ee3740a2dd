// Slices added at places along an axis: each thread holds one element of y and adds the updates whose
// index is its own, in row-major order. In front of it stand: T, I, A, Index, Unsigned, kChoices,
// kInner, kSize (of the axis), offset_base(e), offset_y(e), place_of(i) in the indices, outer_updates(o),
// choice_updates(i), inner_updates(e), kThreads.
#include "joins.cuh"

extern "C" __global__ void __launch_bounds__(kThreads)
    scatter_add(const T *base, const I *indices, const T *updates, T *y, long long count) {
  for (long long e = (long long)blockIdx.x * kThreads + threadIdx.x; e < count;
       e += (long long)gridDim.x * kThreads) {
    const Index inner = (Index)(e % kInner);
    const long long own = e / kInner % kSize;
    const Index outer = (Index)(e / kInner / kSize);
    const T *from = updates + outer_updates(outer) + inner_updates(inner);
    Total<A, true> sum = {(A)number(base[offset_base((Index)e)])};
    for (long long i = 0; i < kChoices; ++i) {
      if (number(indices[place_of((Index)i)]) == own)
        sum.add((A)number(from[choice_updates((Index)i)]));
    }
    y[offset_y((Index)e)] = Store<T>::from((A)sum.value());
  }
}
