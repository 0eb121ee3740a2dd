// Slices along an axis, chosen by indices: y[outer, i, inner] = x[outer, indices[i], inner]. In front
// of it stand: T, I (of the indices), Index, Unsigned, kChoices and kInner (how many indices, and
// elements behind the axis), kSize and kStep of x's axis, offset_y(e), outer_x(o), inner_x(e),
// place_of(i) in the indices, kVector, kThreads.
#include "elements.cuh"

template <int kCount>
inline void run(const T *x, const I *indices, T *y, long long count) {
  for (long long e = ((long long)blockIdx.x * kThreads + threadIdx.x) * kCount; e < count;
       e += (long long)gridDim.x * kThreads * kCount) {
    const Index inner = (Index)(e % kInner);
    const long long rest = e / kInner;
    const long long chosen = number(indices[place_of((Index)(rest % kChoices))]);
    Pack<T, kCount> pack = {};
    if (chosen >= 0 && chosen < kSize)
      pack = load_pack<kCount>(x + outer_x((Index)(rest / kChoices)) + chosen * kStep +
                               inner_x(inner));
    store_pack(y + offset_y((Index)e), pack);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    gather(const T *x, const I *indices, T *y, long long count) {
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y))
    run<kVector>(x, indices, y, count);
  else
    run<1>(x, indices, y, count);
}
