// The scalar functions of map's code. Real is float or double; integers are 64 bits and wrap. In front
// of it stands kNarrow: no tensor holds f32 or f64, so that functions within some units of f32's last
// place are exact enough.
#pragma once

#include "elements.cuh"

template <typename Real>
inline Real not_a_number() {
  return (Real)__int_as_float(0x7fc00000);
}

// --- what the functions are made of
inline float quick_exp(float a) {
  return kNarrow ? __expf(a) : expf(a);
}
inline double quick_exp(double a) {
  return exp(a);
}
// b is 1 or more.
inline float quotient(float a, float b) {
  return kNarrow ? __fdividef(a, b) : a / b;
}
inline double quotient(double a, double b) {
  return a / b;
}

// 1 - erf(a). The quick one is Chebyshev's fit of exp(a²) · erfc(a), within 1.2e-7 of itself (Press,
// Teukolsky, Vetterling, Flannery: Numerical Recipes, 6.2).
inline float complement_of_erf(float a) {
  if (!kNarrow) return erfcf(a);
  const float z = fabsf(a);
  const float t = __fdividef(1.0f, 1.0f + 0.5f * z);
  float fit = 0.17087277f;
  fit = fmaf(fit, t, -0.82215223f);
  fit = fmaf(fit, t, 1.48851587f);
  fit = fmaf(fit, t, -1.13520398f);
  fit = fmaf(fit, t, 0.27886807f);
  fit = fmaf(fit, t, -0.18628806f);
  fit = fmaf(fit, t, 0.09678418f);
  fit = fmaf(fit, t, 0.37409196f);
  fit = fmaf(fit, t, 1.00002368f);
  fit = fmaf(fit, t, -1.26551223f);
  const float tail = t * __expf(fmaf(-z, z, fit));
  return a >= 0 ? tail : 2.0f - tail;
}
inline double complement_of_erf(double a) {
  return erfc(a);
}

// --- arithmetic on floats
template <typename Real>
struct Floats {
  static Real add(Real a, Real b) { return a + b; }
  static Real sub(Real a, Real b) { return a - b; }
  static Real mul(Real a, Real b) { return a * b; }
  static Real neg(Real a) { return -a; }
  static Real abs(Real a) { return fabs(a); }
  static Real sign(Real a) { return isnan(a) ? a : a > 0 ? Real(1) : a < 0 ? Real(-1) : Real(0); }
  static Real square(Real a) { return a * a; }
  static Real min(Real a, Real b) {
    return isnan(a) || isnan(b) ? not_a_number<Real>() : b < a ? b : a;
  }
  static Real max(Real a, Real b) {
    return isnan(a) || isnan(b) ? not_a_number<Real>() : b > a ? b : a;
  }
  static Real clamp(Real a, Real b, Real c) { return min(max(a, b), c); }
  static Real floor(Real a) { return ::floor(a); }
  static Real ceil(Real a) { return ::ceil(a); }
  static Real round(Real a) { return rint(a); }
  static Real floor_div(Real a, Real b) { return ::floor(a / b); }
  static Real mod(Real a, Real b) {
    const Real rest = fmod(a, b);
    return rest != 0 && signbit(rest) != signbit(b) ? rest + b : rest;
  }
  static bool eq(Real a, Real b) { return a == b; }
  static bool ne(Real a, Real b) { return a != b; }
  static bool lt(Real a, Real b) { return a < b; }
  static bool le(Real a, Real b) { return a <= b; }
  static bool gt(Real a, Real b) { return a > b; }
  static bool ge(Real a, Real b) { return a >= b; }

  static Real div(Real a, Real b) { return a / b; }
  static Real reciprocal(Real a) { return 1 / a; }
  static Real pow(Real a, Real b) { return ::pow(a, b); }
  static Real sqrt(Real a) { return ::sqrt(a); }
  static Real rsqrt(Real a) { return 1 / ::sqrt(a); }
  static Real exp(Real a) { return quick_exp(a); }
  static Real expm1(Real a) { return ::expm1(a); }
  static Real log(Real a) { return ::log(a); }
  static Real log1p(Real a) { return ::log1p(a); }
  static Real sin(Real a) { return ::sin(a); }
  static Real cos(Real a) { return ::cos(a); }
  static Real tanh(Real a) { return ::tanh(a); }
  static Real erf(Real a) { return ::erf(a); }
  static Real sigmoid(Real a) { return quotient(Real(1), 1 + quick_exp(-a)); }
  static Real softplus(Real a) {
    return isnan(a) ? a : fmax(a, Real(0)) + ::log1p(::exp(-fabs(a)));
  }
  static Real relu(Real a) { return a > 0 || isnan(a) ? a : Real(0); }
  static Real leaky_relu(Real a, Real b) { return a > 0 ? a : a * b; }
  static Real elu(Real a, Real b) { return a > 0 ? a : b * ::expm1(a); }
  // Not a times the sigmoid: of -inf that would be 0 times infinity.
  static Real silu(Real a) { return quotient(a, 1 + quick_exp(-a)); }
  // The complement, and the sigmoid in place of the tangent: 1 + erf(a) would lose all digits of a far
  // negative a.
  static Real gelu(Real a) {
    return Real(0.5) * a * complement_of_erf(a * Real(-0.70710678118654752440));
  }
  static Real gelu_tanh(Real a) {
    const Real twice = Real(-1.5957691216057307117) * (a + Real(0.044715) * a * a * a);
    return quotient(a, 1 + quick_exp(twice));
  }
  static Real quick_gelu(Real a) { return quotient(a, 1 + quick_exp(Real(-1.702) * a)); }
  static Real mish(Real a) { return a * ::tanh(softplus(a)); }
};

struct Integers {
  using Int = long long;
  using Bits = unsigned long long;
  static Int add(Int a, Int b) { return (Int)((Bits)a + (Bits)b); }
  static Int sub(Int a, Int b) { return (Int)((Bits)a - (Bits)b); }
  static Int mul(Int a, Int b) { return (Int)((Bits)a * (Bits)b); }
  static Int neg(Int a) { return (Int)(0 - (Bits)a); }
  static Int abs(Int a) { return a < 0 ? neg(a) : a; }
  static Int sign(Int a) { return a > 0 ? 1 : a < 0 ? -1 : 0; }
  static Int square(Int a) { return mul(a, a); }
  static Int min(Int a, Int b) { return b < a ? b : a; }
  static Int max(Int a, Int b) { return b > a ? b : a; }
  static Int clamp(Int a, Int b, Int c) { return min(max(a, b), c); }
  static Int floor(Int a) { return a; }
  static Int ceil(Int a) { return a; }
  static Int round(Int a) { return a; }
  static Int floor_div(Int a, Int b) {
    if (b == 0) return 0;
    if (b == -1) return neg(a);
    const Int rest = a % b;
    return a / b - (rest != 0 && (rest < 0) != (b < 0) ? 1 : 0);
  }
  static Int mod(Int a, Int b) {
    if (b == 0 || b == -1) return 0;
    const Int rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
  static bool eq(Int a, Int b) { return a == b; }
  static bool ne(Int a, Int b) { return a != b; }
  static bool lt(Int a, Int b) { return a < b; }
  static bool le(Int a, Int b) { return a <= b; }
  static bool gt(Int a, Int b) { return a > b; }
  static bool ge(Int a, Int b) { return a >= b; }
};

struct Truths {
  static bool eq(bool a, bool b) { return a == b; }
  static bool ne(bool a, bool b) { return a != b; }
  static bool lt(bool a, bool b) { return a < b; }
  static bool le(bool a, bool b) { return a <= b; }
  static bool gt(bool a, bool b) { return a > b; }
  static bool ge(bool a, bool b) { return a >= b; }
  static bool both(bool a, bool b) { return a && b; }
  static bool either(bool a, bool b) { return a || b; }
  static bool opposite(bool a) { return !a; }
};

// --- from one class to another
template <typename Real>
inline bool as_truth(Real x) {
  return x != 0;
}
inline long long as_integer(bool x) {
  return x;
}
inline long long as_integer(long long x) {
  return x;
}
inline long long as_integer(float x) {
  return to_integer(x);
}
inline long long as_integer(double x) {
  return to_integer(x);
}
