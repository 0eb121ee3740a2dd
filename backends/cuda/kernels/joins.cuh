// How two numbers of a reduction become one, and sums that lose nothing on the way.
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

// What sums are joined in, between threads and launches: wider than the floats they are made of.
template <typename A>
struct Wide {
  using Type = A;
};
template <>
struct Wide<float> {
  using Type = double;
};

// A running sum of a thread. With kKeeps a sum of floats also sums what each rounding drops, so that a
// sum near 0 of large numbers is right too; numbers of 8 or 11 bits fit into f32 without.
template <typename A, bool kKeeps>
struct Total {
  A sum;
  void add(A a) { sum = Sum<A>::of(sum, a); }
  typename Wide<A>::Type value() const { return sum; }
};
template <>
struct Total<float, true> {
  float sum;
  float dropped;
  void add(float a) {
    const float next = __fadd_rn(sum, a);
    const float taken = __fadd_rn(next, -sum);
    dropped = __fadd_rn(dropped,
                        __fadd_rn(__fadd_rn(sum, -__fadd_rn(next, -taken)), __fadd_rn(a, -taken)));
    sum = next;
  }
  // Of an infinite sum nothing was dropped.
  double value() const {
    const bool finite = fabsf(sum) <= 3.4028234663852886e38f;
    return finite ? (double)sum + (double)dropped : (double)sum;
  }
};

// What a thread and its neighbours hold of a reduction: any join but a sum of floats goes as it is.
template <typename Join, typename A>
struct Running {
  using Joined = A;
  using JoinWide = Join;
  A held;
  void add(A a) { held = Join::of(held, a); }
  A value() const { return held; }
};
template <>
struct Running<Sum<float>, float> {
  using Joined = double;
  using JoinWide = Sum<double>;
  Total<float, true> held;
  void add(float a) { held.add(a); }
  double value() const { return held.value(); }
};
