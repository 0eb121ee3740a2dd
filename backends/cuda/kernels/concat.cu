// Tensors one behind the other along an axis, many in one launch. In front of it stand: T, Index,
// kParts, kVector, kThreads. The answer is `outer` rows of `row` elements; part p fills the elements
// begin[p] to begin[p + 1] - 1 of each row, and blockIdx.y is its number.
#include "elements.cuh"

struct Arguments {
  T *y;
  long long outer;
  long long row;
  const T *from[kParts];
  long long begin[kParts + 1];
};

template <int kCount>
inline void move(const T *from, T *to, Index outer, Index width, Index row) {
  const Index count = outer * width;
  const Index step = gridDim.x * kThreads * kCount;
  for (Index i = (blockIdx.x * kThreads + threadIdx.x) * kCount; i < count; i += step) {
    const Index line = outer == 1 ? 0 : i / width;
    store_pack(to + line * row + (i - line * width), load_pack<kCount>(from + i));
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    concat(const __grid_constant__ Arguments arguments) {
  const unsigned part = blockIdx.y;
  const T *from = arguments.from[part];
  const Index begin = (Index)arguments.begin[part];
  const Index width = (Index)arguments.begin[part + 1] - begin;
  const Index row = (Index)arguments.row, outer = (Index)arguments.outer;
  T *to = arguments.y + begin;
  const bool even = width % kVector == 0 && (outer == 1 || row % kVector == 0);
  if (even && takes_packs<kVector>(from) && takes_packs<kVector>(to)) {
    move<kVector>(from, to, outer, width, row);
  } else {
    move<1>(from, to, outer, width, row);
  }
}
