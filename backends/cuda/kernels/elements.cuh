// Elements of tensors: the narrow types, what is read from them and stored into them, and packs of
// neighbours that travel in one access.
#pragma once

struct bf16 {
  unsigned short bits;
};
struct f16 {
  unsigned short bits;
};
struct e4m3 {
  unsigned char bits;
};
struct e5m2 {
  unsigned char bits;
};
struct truth {
  unsigned char bits;
};

// One format of small floats, decoded and encoded step by step: for types without an instruction.
template <int kExponentBits, int kMantissaBits, unsigned kLargest, bool kInfinity, bool kSaturates,
          unsigned kNaN>
struct SmallFloat {
  static constexpr int kSignShift = kExponentBits + kMantissaBits;
  static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;

  static float decode(unsigned bits) {
    const unsigned magnitude = bits & ((1u << kSignShift) - 1);
    const int exponent = magnitude >> kMantissaBits;
    const unsigned mantissa = magnitude & ((1u << kMantissaBits) - 1);
    float value;
    if (magnitude > kLargest)
      value = __int_as_float(kInfinity && mantissa == 0 ? 0x7f800000 : 0x7fc00000);
    else if (exponent == 0)
      value = ldexpf(mantissa, 1 - kBias - kMantissaBits);
    else
      value = ldexpf(mantissa + (1u << kMantissaBits), exponent - kBias - kMantissaBits);
    return bits >> kSignShift ? -value : value;
  }

  // Rounds to nearest, halves to even, in one step.
  static unsigned encode(double value) {
    if (isnan(value)) return kNaN;
    const unsigned sign = signbit(value) ? 1u << kSignShift : 0;
    const unsigned beyond = kSaturates ? kLargest : kLargest + 1;
    const double magnitude = fabs(value);
    if (isinf(magnitude)) return sign | beyond;
    if (magnitude == 0) return sign;
    int exponent = 0;
    frexp(magnitude, &exponent);
    const int least = 1 - kBias;
    const int unit = (exponent - 1 > least ? exponent - 1 : least) - kMantissaBits;
    const double units = rint(ldexp(magnitude, -unit));
    const unsigned long long bits =
        ((unsigned long long)(unit + kMantissaBits - least) << kMantissaBits) +
        (unsigned long long)units;
    return sign | (bits > kLargest ? beyond : (unsigned)bits);
  }
};
using FormatBF16 = SmallFloat<8, 7, 0x7f7fu, true, false, 0x7fc0u>;
using FormatE4M3 = SmallFloat<4, 3, 0x7eu, false, true, 0x7fu>;
using FormatE5M2 = SmallFloat<5, 2, 0x7bu, true, true, 0x7fu>;

// --- reading: number() gives float, double or long long; truth gives bool.
inline float number(float x) {
  return x;
}
inline double number(double x) {
  return x;
}
inline long long number(long long x) {
  return x;
}
inline long long number(int x) {
  return x;
}
inline long long number(unsigned char x) {
  return x;
}
inline bool number(truth x) {
  return x.bits != 0;
}
inline float number(bf16 x) {
  return __int_as_float((unsigned)x.bits << 16);
}
inline float number(f16 x) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
  return value;
}
inline float number(e4m3 x) {
  return FormatE4M3::decode(x.bits);
}
inline float number(e5m2 x) {
  return FormatE5M2::decode(x.bits);
}

// Truncates and saturates; NaN gives 0.
template <typename Real>
inline long long to_integer(Real x) {
  if (isnan(x)) return 0;
  if (x >= (Real)9223372036854775808.0) return 0x7fffffffffffffffll;
  if (x <= (Real)-9223372036854775808.0) return (long long)0x8000000000000000ull;
  return (long long)x;
}

// --- storing: Store<T>::from(float, double, long long or bool).
template <typename T>
struct Store;

template <>
struct Store<float> {
  static float from(float x) { return x; }
  static float from(double x) { return (float)x; }
  static float from(long long x) { return (float)x; }
  static float from(bool x) { return x ? 1.0f : 0.0f; }
};
template <>
struct Store<double> {
  static double from(float x) { return x; }
  static double from(double x) { return x; }
  static double from(long long x) { return (double)x; }
  static double from(bool x) { return x ? 1.0 : 0.0; }
};
template <>
struct Store<bf16> {
  static bf16 from(float x) {
    bf16 out;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
    return out;
  }
  static bf16 from(double x) { return {(unsigned short)FormatBF16::encode(x)}; }
  static bf16 from(long long x) { return from((double)x); }
  static bf16 from(bool x) { return {(unsigned short)(x ? 0x3f80 : 0)}; }
};
template <>
struct Store<f16> {
  static f16 from(float x) {
    f16 out;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
    return out;
  }
  static f16 from(double x) {
    f16 out;
    asm("cvt.rn.f16.f64 %0, %1;" : "=h"(out.bits) : "d"(x));
    return out;
  }
  static f16 from(long long x) { return from((double)x); }
  static f16 from(bool x) { return {(unsigned short)(x ? 0x3c00 : 0)}; }
};
template <typename T, typename Format>
struct StoreSmall {
  static T from(double x) { return {(unsigned char)Format::encode(x)}; }
  static T from(float x) { return from((double)x); }
  static T from(long long x) { return from((double)x); }
  static T from(bool x) { return from(x ? 1.0 : 0.0); }
};
template <>
struct Store<e4m3> : StoreSmall<e4m3, FormatE4M3> {};
template <>
struct Store<e5m2> : StoreSmall<e5m2, FormatE5M2> {};
template <>
struct Store<long long> {
  static long long from(float x) { return to_integer(x); }
  static long long from(double x) { return to_integer(x); }
  static long long from(long long x) { return x; }
  static long long from(bool x) { return x; }
};
// A float beyond the range gives the nearest bound; an integer keeps its low bits.
template <typename T, long long kLeast, long long kMost>
struct StoreNarrow {
  static T clamped(long long x) { return (T)(x < kLeast ? kLeast : x > kMost ? kMost : x); }
  static T from(float x) { return clamped(to_integer(x)); }
  static T from(double x) { return clamped(to_integer(x)); }
  static T from(long long x) { return (T)x; }
  static T from(bool x) { return (T)x; }
};
template <>
struct Store<int> : StoreNarrow<int, -2147483648ll, 2147483647ll> {};
template <>
struct Store<unsigned char> : StoreNarrow<unsigned char, 0ll, 255ll> {};
template <>
struct Store<truth> {
  static truth from(float x) { return {(unsigned char)(x != 0)}; }
  static truth from(double x) { return {(unsigned char)(x != 0)}; }
  static truth from(long long x) { return {(unsigned char)(x != 0)}; }
  static truth from(bool x) { return {(unsigned char)x}; }
};

// --- packs
template <int kBytes>
struct AccessOf {
  static constexpr int value = kBytes < 16 ? kBytes : 16;
};
template <typename T, int kCount>
struct alignas(AccessOf<(int)sizeof(T) * kCount>::value) Pack {
  T at[kCount];
};
template <int kCount, typename T>
inline Pack<T, kCount> load_pack(const T *from) {
  return *reinterpret_cast<const Pack<T, kCount> *>(from);
}
template <int kCount, typename T>
inline void store_pack(T *to, const Pack<T, kCount> &pack) {
  *reinterpret_cast<Pack<T, kCount> *>(to) = pack;
}
// Whether packs of that many elements may be read and written there.
template <int kCount, typename T>
inline bool takes_packs(const T *address) {
  return (unsigned long long)address % alignof(Pack<T, kCount>) == 0;
}

// Packs of kCount pairs. A single pair may lie anywhere.
template <int kCount, typename T>
inline Pack<T, 2 * kCount> load_pairs(const T *from) {
  if (kCount > 1) return load_pack<2 * kCount>(from);
  return {{from[0], from[1]}};
}
template <int kCount, typename T>
inline void store_pairs(T *to, const Pack<T, 2 * kCount> &pack) {
  if (kCount > 1) return store_pack(to, pack);
  to[0] = pack.at[0];
  to[1] = pack.at[1];
}
