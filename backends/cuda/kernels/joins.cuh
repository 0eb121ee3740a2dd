// How two numbers of a reduction become one.
#pragma once

#include "elements.cuh"

template <typename A>
inline bool is_nan(A a) {
  return a != a;
}

template <typename A>
struct Sum {
  static A of(A a, A b) { return a + b; }
};
template <>
struct Sum<long long> {
  static long long of(long long a, long long b) {
    return (long long)((unsigned long long)a + (unsigned long long)b);
  }
};
template <typename A>
struct Product {
  static A of(A a, A b) { return a * b; }
};
template <>
struct Product<long long> {
  static long long of(long long a, long long b) {
    return (long long)((unsigned long long)a * (unsigned long long)b);
  }
};
// NaN if either is.
template <typename A>
struct Largest {
  static A of(A a, A b) { return is_nan(a) || is_nan(b) ? (is_nan(a) ? a : b) : b > a ? b : a; }
};
template <typename A>
struct Smallest {
  static A of(A a, A b) { return is_nan(a) || is_nan(b) ? (is_nan(a) ? a : b) : b < a ? b : a; }
};
