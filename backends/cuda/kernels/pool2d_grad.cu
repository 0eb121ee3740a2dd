// The gradient of pooling: each thread holds one element of dx and takes its part of every window that
// holds it. In front of it stand what windows.cuh names, and: A, kDyImage, kDyRow, kDyColumn, kDyChannel
// (strides of dy), offset_dx(e) over [images, rows, columns, channels], kThreads.
#include "windows.cuh"

extern "C" __global__ void __launch_bounds__(kThreads)
    pool2d_grad(const X *dy, const X *x, X *dx, long long count) {
  for (long long e = (long long)blockIdx.x * kThreads + threadIdx.x; e < count;
       e += (long long)gridDim.x * kThreads) {
    const long long c = e % kChannels;
    const int column = (int)(e / kChannels % kWidth);
    const int row = (int)(e / kChannels / kWidth % kHeight);
    const long long image = e / kChannels / kWidth / kHeight;
    int first_row, last_row, first_column, last_column;
    windows_with(row, kHeight, kPooledHeight, kWindowHeight, kStrideDown, kTop, first_row,
                 last_row);
    windows_with(column, kWidth, kPooledWidth, kWindowWidth, kStrideAcross, kLeft, first_column,
                 last_column);
    const X *given = dy + image * kDyImage + c * kDyChannel;
    const X *from = kMaximum ? x + image * kImageStride + c * kChannelStride : nullptr;
    A sum = 0;
    for (int i = first_row; i <= last_row; ++i) {
      for (int j = first_column; j <= last_column; ++j) {
        const Window window = window_of(i, j);
        const A part = (A)number(given[i * (long long)kDyRow + j * (long long)kDyColumn]);
        if (!kMaximum)
          sum += part / (A)window.divisor();
        else if (place_of_maximum(from, window) == row * (long long)kWidth + column)
          sum += part;
      }
    }
    dx[offset_dx((Index)e)] = Store<X>::from(sum);
  }
}
