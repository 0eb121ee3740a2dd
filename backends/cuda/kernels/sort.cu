// A stable sort along an axis: each thread counts the elements that come before its own. In front of
// it stand: X, Index, Unsigned, line_x(l), line_values(l), line_indices(l), kSize, kStepX,
// kStepValues, kStepIndices, kDescending, kThreads.
#include "joins.cuh"

using Number = decltype(number(X()));

// NaN is larger than every number.
inline bool is_less(Number a, Number b) {
  if (is_nan(a)) return false;
  return is_nan(b) || a < b;
}

// A block takes kThreads elements of one line.
extern "C" __global__ void __launch_bounds__(kThreads)
    sort(const X *x, X *values, long long *indices) {
  constexpr int kBlocks = (kSize + kThreads - 1) / kThreads;  // of a line
  const long long l = blockIdx.x / kBlocks;
  const int own = (blockIdx.x % kBlocks) * kThreads + threadIdx.x;
  const X *from = x + line_x((Index)l);
  const X element = from[(long long)(own < kSize ? own : 0) * kStepX];
  const Number mine = number(element);
  __shared__ Number others[kThreads];
  long long rank = 0;
  for (int first = 0; first < kSize; first += kThreads) {
    const int i = first + threadIdx.x;
    __syncthreads();
    if (i < kSize) others[threadIdx.x] = number(from[(long long)i * kStepX]);
    __syncthreads();
    const int count = kSize - first < kThreads ? kSize - first : kThreads;
    for (int k = 0; k < count; ++k) {
      const bool before = kDescending ? is_less(mine, others[k]) : is_less(others[k], mine);
      const bool after = kDescending ? is_less(others[k], mine) : is_less(mine, others[k]);
      rank += before || (!after && first + k < own);
    }
  }
  if (own >= kSize) return;
  values[line_values((Index)l) + rank * kStepValues] = element;
  indices[line_indices((Index)l) + rank * kStepIndices] = own;
}
