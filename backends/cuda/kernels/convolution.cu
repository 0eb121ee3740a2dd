// Convolutions, one element of the answer per thread, for what the library does not take. In front
// of it stand: T, A, the sizes of the image (kImages, kHeight, kWidth, kChannels), of the weight
// (kFilters, kRows, kColumns, kDepth) and of the result (kDown, kAcross), kStrideDown, kStrideAcross,
// kStepDown, kStepAcross (the dilation), kTop, kLeft, kGroupFilters, kBias, kThreads.
#include "elements.cuh"

// The place in the image that a window at `i` reads with its row (or column) `r`.
inline long long row_of(long long i, int r) {
  return i * kStrideDown - kTop + (long long)r * kStepDown;
}
inline long long column_of(long long j, int s) {
  return j * kStrideAcross - kLeft + (long long)s * kStepAcross;
}

extern "C" __global__ void __launch_bounds__(kThreads)
    convolve(const T *x, const T *weight, const T *bias, T *y, long long count) {
  const long long e = (long long)blockIdx.x * kThreads + threadIdx.x;
  if (e >= count) return;
  const long long o = e % kFilters;
  const long long j = e / kFilters % kAcross;
  const long long i = e / kFilters / kAcross % kDown;
  const long long n = e / kFilters / kAcross / kDown;
  const long long first = o / kGroupFilters * kDepth;
  A sum = 0;
  for (int r = 0; r < kRows; ++r) {
    const long long row = row_of(i, r);
    if (row < 0 || row >= kHeight) continue;
    for (int s = 0; s < kColumns; ++s) {
      const long long column = column_of(j, s);
      if (column < 0 || column >= kWidth) continue;
      const T *from = x + ((n * kHeight + row) * kWidth + column) * kChannels + first;
      const T *factors = weight + ((o * kRows + r) * kColumns + s) * kDepth;
      for (int c = 0; c < kDepth; ++c) sum += (A)number(from[c]) * (A)number(factors[c]);
    }
  }
  if (kBias) sum += (A)number(bias[o]);
  y[e] = Store<T>::from(sum);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    input_grad(const T *dy, const T *weight, const T *, T *dx, long long count) {
  const long long e = (long long)blockIdx.x * kThreads + threadIdx.x;
  if (e >= count) return;
  const long long c = e % kChannels;
  const long long column = e / kChannels % kWidth;
  const long long row = e / kChannels / kWidth % kHeight;
  const long long n = e / kChannels / kWidth / kHeight;
  const long long first = c / kDepth * kGroupFilters;
  A sum = 0;
  for (int r = 0; r < kRows; ++r) {
    const long long down = row + kTop - (long long)r * kStepDown;
    if (down < 0 || down % kStrideDown != 0 || down / kStrideDown >= kDown) continue;
    for (int s = 0; s < kColumns; ++s) {
      const long long across = column + kLeft - (long long)s * kStepAcross;
      if (across < 0 || across % kStrideAcross != 0 || across / kStrideAcross >= kAcross) continue;
      const T *from =
          dy + ((n * kDown + down / kStrideDown) * kAcross + across / kStrideAcross) * kFilters;
      for (long long o = first; o < first + kGroupFilters; ++o)
        sum += (A)number(from[o]) *
               (A)number(weight[((o * kRows + r) * kColumns + s) * kDepth + c % kDepth]);
    }
  }
  dx[e] = Store<T>::from(sum);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    weight_grad(const T *x, const T *dy, const T *, T *dweight, long long count) {
  const long long e = (long long)blockIdx.x * kThreads + threadIdx.x;
  if (e >= count) return;
  const long long c = e % kDepth;
  const int s = (int)(e / kDepth % kColumns);
  const int r = (int)(e / kDepth / kColumns % kRows);
  const long long o = e / kDepth / kColumns / kRows;
  const long long channel = o / kGroupFilters * kDepth + c;
  A sum = 0;
  for (long long n = 0; n < kImages; ++n) {
    for (long long i = 0; i < kDown; ++i) {
      const long long row = row_of(i, r);
      if (row < 0 || row >= kHeight) continue;
      for (long long j = 0; j < kAcross; ++j) {
        const long long column = column_of(j, s);
        if (column < 0 || column >= kWidth) continue;
        sum += (A)number(x[((n * kHeight + row) * kWidth + column) * kChannels + channel]) *
               (A)number(dy[((n * kDown + i) * kAcross + j) * kFilters + o]);
      }
    }
  }
  dweight[e] = Store<T>::from(sum);
}
