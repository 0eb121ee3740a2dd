// The scalar functions of integers and bools, and the choice of the class.
#include "backends/onednn/elementwise_steps.h"

namespace flame::onednn {
namespace {

template <typename Out, typename Body>
inline void loop(void *out, int64_t count, const Body &body) {
  auto *values = static_cast<Out *>(out);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<Out>(body(i));
}

// Integers wrap at 64 bits, which only unsigned ones do in C++.
uint64_t wide(int64_t value) {
  return static_cast<uint64_t>(value);
}

int64_t smaller(int64_t a, int64_t b) {
  return b < a ? b : a;
}

int64_t larger(int64_t a, int64_t b) {
  return b > a ? b : a;
}

// Rounded down; 0 if b is 0.
int64_t floor_divided(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<int64_t>(0 - wide(a));
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// What integers and bools share: comparisons and `where`.
template <typename T>
void run_choice(uint32_t function, const void *a, const void *b, const void *c, void *out,
                int64_t n) {
  const auto *x = static_cast<const T *>(a);
  const auto *y = static_cast<const T *>(b);
  const auto *z = static_cast<const T *>(c);
  const auto *condition = static_cast<const uint8_t *>(a);
  using I = int64_t;
  switch (function) {
    case function_number("eq"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] == y[i]; });
    case function_number("ne"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] != y[i]; });
    case function_number("lt"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] < y[i]; });
    case function_number("le"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] <= y[i]; });
    case function_number("gt"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] > y[i]; });
    case function_number("ge"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] >= y[i]; });
    case function_number("where"):
      return loop<T>(out, n, [=](I i) { return condition[i] ? y[i] : z[i]; });
  }
}

void run_integer_step(uint32_t function, const void *a, const void *b, const void *c, void *out,
                      int64_t n) {
  const auto *x = static_cast<const int64_t *>(a);
  const auto *y = static_cast<const int64_t *>(b);
  const auto *z = static_cast<const int64_t *>(c);
  using I = int64_t;
  switch (function) {
    case function_number("add"):
      return loop<I>(out, n, [=](I i) { return wide(x[i]) + wide(y[i]); });
    case function_number("sub"):
      return loop<I>(out, n, [=](I i) { return wide(x[i]) - wide(y[i]); });
    case function_number("mul"):
      return loop<I>(out, n, [=](I i) { return wide(x[i]) * wide(y[i]); });
    case function_number("neg"):
      return loop<I>(out, n, [=](I i) { return 0 - wide(x[i]); });
    case function_number("abs"):
      return loop<I>(out, n, [=](I i) { return x[i] < 0 ? 0 - wide(x[i]) : wide(x[i]); });
    case function_number("sign"):
      return loop<I>(out, n, [=](I i) { return (x[i] > 0) - (x[i] < 0); });
    case function_number("square"):
      return loop<I>(out, n, [=](I i) { return wide(x[i]) * wide(x[i]); });
    case function_number("min"):
      return loop<I>(out, n, [=](I i) { return smaller(x[i], y[i]); });
    case function_number("max"):
      return loop<I>(out, n, [=](I i) { return larger(x[i], y[i]); });
    case function_number("clamp"):
      return loop<I>(out, n, [=](I i) { return smaller(larger(x[i], y[i]), z[i]); });
    case function_number("floor"):
    case function_number("ceil"):
    case function_number("round"):
      return loop<I>(out, n, [=](I i) { return x[i]; });
    case function_number("floor_div"):
      return loop<I>(out, n, [=](I i) { return floor_divided(x[i], y[i]); });
    case function_number("mod"):
      return loop<I>(out, n, [=](I i) { return modulo(x[i], y[i]); });
    default:
      return run_choice<int64_t>(function, a, b, c, out, n);
  }
}

void run_bool_step(uint32_t function, const void *a, const void *b, const void *c, void *out,
                   int64_t n) {
  const auto *x = static_cast<const uint8_t *>(a);
  const auto *y = static_cast<const uint8_t *>(b);
  using I = int64_t;
  switch (function) {
    case function_number("and"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] & y[i]; });
    case function_number("or"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] | y[i]; });
    case function_number("not"):
      return loop<uint8_t>(out, n, [=](I i) { return x[i] ^ 1; });
    default:
      return run_choice<uint8_t>(function, a, b, c, out, n);
  }
}

}  // namespace

void run_step(uint32_t function, ValueClass value_class, uint32_t repeats, const void *a,
              const void *b, const void *c, void *out, int64_t count) {
  switch (value_class) {
    case ValueClass::kBool:
      return run_bool_step(function, a, b, c, out, count);
    case ValueClass::kInteger:
      return run_integer_step(function, a, b, c, out, count);
    case ValueClass::kF32:
      return run_f32_step(function, repeats, a, b, c, out, count);
    case ValueClass::kF64:
      return run_f64_step(function, repeats, a, b, c, out, count);
  }
}

}  // namespace flame::onednn
