#include "backends/onednn/elementwise_pairs.h"

#include "backends/onednn/elementwise_steps.h"

namespace flame::onednn {
namespace {

struct Repeated {
  float value;
  float operator[](int64_t) const { return value; }
};

// Calls body(row or value) for an operand.
template <typename Body>
inline void with_operand(const void *operand, bool repeats, const Body &body) {
  const auto *row = static_cast<const float *>(operand);
  if (repeats) return body(Repeated{*row});
  body(row);
}

// Calls body(function of two numbers).
template <typename Body>
inline void with_first(uint32_t function, const Body &body) {
  switch (function) {
    case function_number("add"):
      return body([](float a, float b) { return a + b; });
    case function_number("sub"):
      return body([](float a, float b) { return a - b; });
    case function_number("mul"):
      return body([](float a, float b) { return a * b; });
  }
}

template <typename Body>
inline void with_second(uint32_t function, bool swapped, const Body &body) {
  switch (function) {
    case function_number("add"):
      return body([](float t, float c) { return t + c; });
    case function_number("sub"):
      if (swapped) return body([](float t, float c) { return c - t; });
      return body([](float t, float c) { return t - c; });
    case function_number("mul"):
      return body([](float t, float c) { return t * c; });
    case function_number("min"):
      if (swapped) return body([](float t, float c) { return smaller(c, t); });
      return body([](float t, float c) { return smaller(t, c); });
    case function_number("max"):
      if (swapped) return body([](float t, float c) { return larger(c, t); });
      return body([](float t, float c) { return larger(t, c); });
  }
}

}  // namespace

bool is_first_of_pair(uint32_t function) {
  return function == function_number("add") || function == function_number("sub") ||
         function == function_number("mul");
}

bool is_second_of_pair(uint32_t function) {
  return is_first_of_pair(function) || function == function_number("min") ||
         function == function_number("max");
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
run_f32_pair(const Pair &pair, const void *a, const void *b, const void *c, void *out,
             int64_t count) {
  with_first(pair.first, [&](auto first) {
    with_second(pair.second, pair.swapped, [&](auto second) {
      with_operand(c, pair.repeats & 4, [&](auto z) {
        auto *values = static_cast<float *>(out);
        const auto loop = [&](auto x, auto y) {
#pragma omp simd
          for (int64_t i = 0; i < count; ++i) values[i] = second(first(x[i], y[i]), z[i]);
        };
        if (pair.repeats & 1) {
          loop(Repeated{*static_cast<const float *>(a)}, static_cast<const float *>(b));
        } else {
          with_operand(b, pair.repeats & 2,
                       [&](auto y) { loop(static_cast<const float *>(a), y); });
        }
      });
    });
  });
}

}  // namespace flame::onednn
