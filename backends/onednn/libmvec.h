// Functions of libm in the forms that compilers put into vectors: loops over them become calls of
// glibc's libmvec, which is at most 4 units of the last place off and right at every special value.
#pragma once

#include <cmath>

// glibc declares these forms only for -ffast-math, which gives up infinities and NaN.
extern "C" {
[[gnu::simd("notinbranch")]] float expf(float) noexcept;
[[gnu::simd("notinbranch")]] double exp(double) noexcept;
[[gnu::simd("notinbranch")]] float expm1f(float) noexcept;
[[gnu::simd("notinbranch")]] double expm1(double) noexcept;
[[gnu::simd("notinbranch")]] float logf(float) noexcept;
[[gnu::simd("notinbranch")]] double log(double) noexcept;
[[gnu::simd("notinbranch")]] float log1pf(float) noexcept;
[[gnu::simd("notinbranch")]] double log1p(double) noexcept;
[[gnu::simd("notinbranch")]] float sinf(float) noexcept;
[[gnu::simd("notinbranch")]] double sin(double) noexcept;
[[gnu::simd("notinbranch")]] float cosf(float) noexcept;
[[gnu::simd("notinbranch")]] double cos(double) noexcept;
[[gnu::simd("notinbranch")]] float tanhf(float) noexcept;
[[gnu::simd("notinbranch")]] double tanh(double) noexcept;
[[gnu::simd("notinbranch")]] float erff(float) noexcept;
[[gnu::simd("notinbranch")]] double erf(double) noexcept;
[[gnu::simd("notinbranch")]] float erfcf(float) noexcept;
[[gnu::simd("notinbranch")]] double erfc(double) noexcept;
[[gnu::simd("notinbranch")]] float powf(float, float) noexcept;
[[gnu::simd("notinbranch")]] double pow(double, double) noexcept;
}
