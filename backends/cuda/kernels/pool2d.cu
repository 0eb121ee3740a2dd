// Pooling over windows of an image with channels last. In front of it stand what windows.cuh names,
// and: X, A, offset_y(e) over [images, rows, columns, channels] of y, kThreads.
#include "windows.cuh"

extern "C" __global__ void __launch_bounds__(kThreads) pool2d(const X *x, X *y, long long count) {
  for (long long e = (long long)blockIdx.x * kThreads + threadIdx.x; e < count;
       e += (long long)gridDim.x * kThreads) {
    const long long c = e % kChannels;
    const int column = (int)(e / kChannels % kPooledWidth);
    const int row = (int)(e / kChannels / kPooledWidth % kPooledHeight);
    const long long image = e / kChannels / kPooledWidth / kPooledHeight;
    const Window window = window_of(row, column);
    const X *from = x + image * kImageStride + c * kChannelStride;
    X *to = y + offset_y((Index)e);
    if (kMaximum) {
      const long long place = place_of_maximum(from, window);
      *to = from[place / kWidth * kRowStride + place % kWidth * kColumnStride];
      continue;
    }
    A sum = 0;
    for (int i = window.top; i < window.bottom; ++i)
      for (int j = window.left; j < window.right; ++j)
        sum += (A)number(from[i * (long long)kRowStride + j * (long long)kColumnStride]);
    *to = Store<X>::from(sum / (A)window.divisor());
  }
}
