// The scalar functions of floats, by the formulas of the catalogue.
#include "backends/onednn/elementwise_steps.h"
#include "backends/onednn/libmvec.h"

namespace flame::onednn {
namespace {

template <typename Out, typename Body>
inline void loop(void *out, int64_t count, const Body &body) {
  auto *values = static_cast<Out *>(out);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) values[i] = body(i);
}

template <typename T>
inline T sign(T a) {
  const T of_number = a > 0 ? T(1) : a < 0 ? T(-1) : T(0);
  return a != a ? a : of_number;
}

// fmod, brought to the sign of b.
template <typename T>
inline T modulo(T a, T b) {
  const T rest = std::fmod(a, b);
  return rest != 0 && std::signbit(rest) != std::signbit(b) ? rest + b : rest;
}

template <typename T>
inline T softplus(T a) {
  return (a > 0 ? a : T(0)) + std::log1p(std::exp(-std::fabs(a)));
}

// A value that repeats, as a row of values.
template <typename T>
struct Repeated {
  T value;
  T operator[](int64_t) const { return value; }
};

// The functions whose operands are often numbers: x or y may be a row or one value.
template <typename T, typename X, typename Y>
inline void run_arithmetic(uint32_t function, X x, Y y, void *out, int64_t n) {
  using I = int64_t;
  switch (function) {
    case function_number("add"):
      return loop<T>(out, n, [=](I i) { return x[i] + y[i]; });
    case function_number("sub"):
      return loop<T>(out, n, [=](I i) { return x[i] - y[i]; });
    case function_number("mul"):
      return loop<T>(out, n, [=](I i) { return x[i] * y[i]; });
    case function_number("min"):
      return loop<T>(out, n, [=](I i) { return smaller(x[i], y[i]); });
    case function_number("max"):
      return loop<T>(out, n, [=](I i) { return larger(x[i], y[i]); });
    case function_number("div"):
      return loop<T>(out, n, [=](I i) { return x[i] / y[i]; });
  }
}

inline bool is_arithmetic(uint32_t function) {
  return function == function_number("add") || function == function_number("sub") ||
         function == function_number("mul") || function == function_number("div") ||
         function == function_number("min") || function == function_number("max");
}

template <typename T>
inline void run(uint32_t function, const void *a, const void *b, const void *c, void *out,
                int64_t n) {
  const auto *x = static_cast<const T *>(a);
  const auto *y = static_cast<const T *>(b);
  const auto *z = static_cast<const T *>(c);
  const auto *condition = static_cast<const uint8_t *>(a);
  constexpr T half = T(0.5);
  using I = int64_t;
  switch (function) {
    case function_number("neg"):
      return loop<T>(out, n, [=](I i) { return -x[i]; });
    case function_number("abs"):
      return loop<T>(out, n, [=](I i) { return std::fabs(x[i]); });
    case function_number("sign"):
      return loop<T>(out, n, [=](I i) { return sign(x[i]); });
    case function_number("square"):
      return loop<T>(out, n, [=](I i) { return x[i] * x[i]; });
    case function_number("clamp"):
      return loop<T>(out, n, [=](I i) { return smaller(larger(x[i], y[i]), z[i]); });
    case function_number("floor"):
      return loop<T>(out, n, [=](I i) { return std::floor(x[i]); });
    case function_number("ceil"):
      return loop<T>(out, n, [=](I i) { return std::ceil(x[i]); });
    case function_number("round"):
      return loop<T>(out, n, [=](I i) { return std::nearbyint(x[i]); });
    case function_number("floor_div"):
      return loop<T>(out, n, [=](I i) { return std::floor(x[i] / y[i]); });
    case function_number("mod"):
      return loop<T>(out, n, [=](I i) { return modulo(x[i], y[i]); });
    case function_number("reciprocal"):
      return loop<T>(out, n, [=](I i) { return 1 / x[i]; });
    case function_number("pow"):
      return loop<T>(out, n, [=](I i) { return std::pow(x[i], y[i]); });
    case function_number("sqrt"):
      return loop<T>(out, n, [=](I i) { return std::sqrt(x[i]); });
    case function_number("rsqrt"):
      return loop<T>(out, n, [=](I i) { return 1 / std::sqrt(x[i]); });
    case function_number("exp"):
      return loop<T>(out, n, [=](I i) { return std::exp(x[i]); });
    case function_number("expm1"):
      return loop<T>(out, n, [=](I i) { return std::expm1(x[i]); });
    case function_number("log"):
      return loop<T>(out, n, [=](I i) { return std::log(x[i]); });
    case function_number("log1p"):
      return loop<T>(out, n, [=](I i) { return std::log1p(x[i]); });
    case function_number("sin"):
      return loop<T>(out, n, [=](I i) { return std::sin(x[i]); });
    case function_number("cos"):
      return loop<T>(out, n, [=](I i) { return std::cos(x[i]); });
    case function_number("tanh"):
      return loop<T>(out, n, [=](I i) { return std::tanh(x[i]); });
    case function_number("erf"):
      return loop<T>(out, n, [=](I i) { return std::erf(x[i]); });
    case function_number("sigmoid"):
      return loop<T>(out, n, [=](I i) { return 1 / (1 + std::exp(-x[i])); });
    case function_number("softplus"):
      return loop<T>(out, n, [=](I i) { return softplus(x[i]); });
    case function_number("relu"):
      return loop<T>(out, n, [=](I i) { return x[i] <= 0 ? T(0) : x[i]; });
    case function_number("leaky_relu"):
      return loop<T>(out, n, [=](I i) { return x[i] > 0 ? x[i] : x[i] * y[i]; });
    case function_number("elu"):
      return loop<T>(out, n, [=](I i) {
        const T curved = y[i] * std::expm1(x[i]);
        return x[i] > 0 ? x[i] : curved;
      });
    case function_number("silu"):
      return loop<T>(out, n, [=](I i) { return x[i] / (1 + std::exp(-x[i])); });
    case function_number("gelu"):
      // 1 + erf(a/√2) is erfc(-a/√2), which loses nothing where it is near 0.
      return loop<T>(
          out, n, [=](I i) { return half * x[i] * std::erfc(x[i] * T(-0.70710678118654752440)); });
    case function_number("gelu_tanh"):
      return loop<T>(out, n, [=](I i) {
        const T inner = x[i] + T(0.044715) * x[i] * x[i] * x[i];
        return half * x[i] * (1 + std::tanh(T(0.79788456080286535588) * inner));
      });
    case function_number("quick_gelu"):
      return loop<T>(out, n, [=](I i) { return x[i] / (1 + std::exp(T(-1.702) * x[i])); });
    case function_number("mish"):
      return loop<T>(out, n, [=](I i) { return x[i] * std::tanh(softplus(x[i])); });
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

template <typename T>
inline void choose(uint32_t function, uint32_t repeats, const void *a, const void *b, const void *c,
                   void *out, int64_t n) {
  const auto *x = static_cast<const T *>(a);
  const auto *y = static_cast<const T *>(b);
  if (!is_arithmetic(function)) return run<T>(function, a, b, c, out, n);
  if (repeats == 1) return run_arithmetic<T>(function, Repeated<T>{*x}, y, out, n);
  if (repeats == 2) return run_arithmetic<T>(function, x, Repeated<T>{*y}, out, n);
  run_arithmetic<T>(function, x, y, out, n);
}

}  // namespace

// Compiled for three generations of processors, with all loops.
[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
run_f32_step(uint32_t function, uint32_t repeats, const void *a, const void *b, const void *c,
             void *out, int64_t count) {
  choose<float>(function, repeats, a, b, c, out, count);
}

[[gnu::flatten, gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
run_f64_step(uint32_t function, uint32_t repeats, const void *a, const void *b, const void *c,
             void *out, int64_t count) {
  choose<double>(function, repeats, a, b, c, out, count);
}

}  // namespace flame::onednn
