// Random numbers by Philox 4x32-10, the same bits as flame/philox.hpp gives. In front of it stand:
// T, Index, Unsigned, offset_y(i), kKind (0 bits, 1 uniform, 2 normal), kStream, kThreads. Compiled
// without contraction.
#include "elements.cuh"

struct Words {
  unsigned at[4];
};

inline Words philox(Words counter, unsigned key0, unsigned key1) {
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const unsigned left_high = __umulhi(0xD2511F53u, counter.at[0]);
    const unsigned left_low = 0xD2511F53u * counter.at[0];
    const unsigned right_high = __umulhi(0xCD9E8D57u, counter.at[2]);
    const unsigned right_low = 0xCD9E8D57u * counter.at[2];
    counter = {
        {right_high ^ counter.at[1] ^ key0, right_low, left_high ^ counter.at[3] ^ key1, left_low}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// ln(n · 2^-24) for n from 1 to 2^24.
inline double log_of_fraction(unsigned n) {
  int exponent = 0;
  double mantissa = n;
  while (mantissa >= 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double z = s * s;
  double sum = 1.0 / 23.0;
#pragma unroll
  for (int k = 21; k >= 1; k -= 2) sum = sum * z + 1.0 / k;
  return (exponent - 24) * 0.6931471805599453 + 2.0 * s * sum;
}

// cos and sin of 2π · n · 2^-24 for n below 2^24.
inline void cos_sin_of_turn(unsigned n, double &cos_out, double &sin_out) {
  const unsigned quarter = (n + (1u << 21)) >> 22;
  const double x = ((int)n - (int)(quarter << 22)) * 3.7450702829239286e-07;
  const double z = x * x;
  double sine = 1.0;
  double cosine = 1.0;
#pragma unroll
  for (int k = 16; k >= 2; k -= 2) sine = 1.0 - z / (k * (k + 1)) * sine;
#pragma unroll
  for (int k = 17; k >= 1; k -= 2) cosine = 1.0 - z / (k * (k + 1)) * cosine;
  sine = x * sine;
  const unsigned turn = quarter & 3u;
  cos_out = turn == 0 ? cosine : turn == 1 ? -sine : turn == 2 ? -cosine : sine;
  sin_out = turn == 0 ? sine : turn == 1 ? cosine : turn == 2 ? -sine : -cosine;
}

inline T made_of(const Words &words, int lane) {
  if (kKind == 0) return Store<T>::from((long long)words.at[lane]);
  if (kKind == 1) return Store<T>::from((words.at[lane] >> 8) * 5.9604644775390625e-08);
  const int pair = lane / 2 * 2;
  const double radius = sqrt(-2.0 * log_of_fraction((words.at[pair] >> 8) + 1));
  double cosine, sine;
  cos_sin_of_turn(words.at[pair + 1] >> 8, cosine, sine);
  return Store<T>::from(radius * (lane % 2 == 0 ? cosine : sine));
}

extern "C" __global__ void __launch_bounds__(kThreads)
    random(const long long *seed, const long long *counter, T *y, long long count) {
  const unsigned long long key = (unsigned long long)*seed;
  const unsigned step = (unsigned)(unsigned long long)*counter;
  for (long long i = ((long long)blockIdx.x * kThreads + threadIdx.x) * 4; i < count;
       i += (long long)gridDim.x * kThreads * 4) {
    const unsigned long long block = (unsigned long long)i / 4;
    const Words words = philox({{(unsigned)block, (unsigned)(block >> 32), step, kStream}},
                               (unsigned)key, (unsigned)(key >> 32));
#pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      if (i + lane < count) y[offset_y((Index)(i + lane))] = made_of(words, lane);
    }
  }
}
