// The frame of elementwise kernels. In front of it stand, made for one op:
//   Index, kVector, kUnroll, kThreads    the walk
//   struct Arguments                     the tensors' addresses, and `count`, the elements
//   takes_vectors(arguments)             whether all that is read in packs is aligned
//   template <int kCount> struct Work    load(arguments, i) and finish(arguments, i) of the elements
//                                        i to i + kCount - 1
// All reads of a piece come before its writes, so that an output may stand in an input's memory.

template <int kCount>
inline void walk(const Arguments &arguments, long long first, long long count) {
  constexpr Index kBlock = kThreads * kUnroll * kCount;
  for (long long block = first + (long long)blockIdx.x * kBlock; block < count;
       block += (long long)gridDim.x * kBlock) {
    Work<kCount> work[kUnroll];
    const Index start = (Index)block + (Index)threadIdx.x * kCount;
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const Index i = start + u * kThreads * kCount;
      if (i + kCount <= count) work[u].load(arguments, i);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const Index i = start + u * kThreads * kCount;
      if (i + kCount <= count) work[u].finish(arguments, i);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) map(const Arguments arguments) {
  if (kVector > 1 && takes_vectors(arguments)) {
    const long long whole = arguments.count / kVector * kVector;
    walk<kVector>(arguments, 0, whole);
    if (blockIdx.x == 0 && whole < arguments.count) walk<1>(arguments, whole, arguments.count);
  } else {
    walk<1>(arguments, 0, arguments.count);
  }
}
