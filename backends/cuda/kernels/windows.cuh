// The windows of a pooling. In front of it stand: X, Index, Unsigned, kHeight, kWidth, kChannels,
// kPooledHeight, kPooledWidth, kMaximum, kAdaptive, kIncludePadding, kWindowHeight, kWindowWidth,
// kStrideDown, kStrideAcross, kTop, kLeft; kImageStride, kRowStride, kColumnStride and kChannelStride of
// x.
#pragma once

#include "joins.cuh"

// Rows [top, bottom) and columns [left, right) of the image.
struct Window {
  int top, bottom, left, right;
  double divisor() const {
    return kIncludePadding ? (double)kWindowHeight * kWindowWidth
                           : (double)(bottom - top) * (right - left);
  }
};

inline void cut(int start, int window, int size, int &begin, int &end) {
  begin = start < 0 ? 0 : start;
  end = start + window < size ? start + window : size;
}

inline Window window_of(int row, int column) {
  Window window;
  if (kAdaptive) {
    window.top = (int)((long long)row * kHeight / kPooledHeight);
    window.bottom = (int)(((row + 1ll) * kHeight + kPooledHeight - 1) / kPooledHeight);
    window.left = (int)((long long)column * kWidth / kPooledWidth);
    window.right = (int)(((column + 1ll) * kWidth + kPooledWidth - 1) / kPooledWidth);
  } else {
    cut(row * kStrideDown - kTop, kWindowHeight, kHeight, window.top, window.bottom);
    cut(column * kStrideAcross - kLeft, kWindowWidth, kWidth, window.left, window.right);
  }
  return window;
}

// The place, row · kWidth + column, of the first NaN, or of the first of the largest; `from` is the
// image's first element of the channel.
inline long long place_of_maximum(const X *from, const Window &window) {
  using Number = decltype(number(X()));
  long long best = -1;
  Number largest = 0;
  for (int i = window.top; i < window.bottom; ++i) {
    for (int j = window.left; j < window.right; ++j) {
      const long long here = i * (long long)kWidth + j;
      const Number value = number(from[i * (long long)kRowStride + j * (long long)kColumnStride]);
      if (is_nan(value)) return here;
      if (best >= 0 && !(value > largest)) continue;
      best = here;
      largest = value;
    }
  }
  return best;
}

// The windows along one axis that may hold `place`: [first, last].
inline void windows_with(int place, int size, int pooled, int window, int stride, int before,
                         int &first, int &last) {
  if (kAdaptive) {
    first = (int)((long long)place * pooled / size);
    last = (int)(((place + 1ll) * pooled - 1) / size);
  } else {
    const int reach = place + before - window + 1;  // the least start that holds the place
    first = reach <= 0 ? 0 : (reach + stride - 1) / stride;
    last = (place + before) / stride;
  }
  if (last >= pooled) last = pooled - 1;
}
