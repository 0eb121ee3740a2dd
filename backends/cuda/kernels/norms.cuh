// What the kernels of norms over x[images, places, channels] share. In front of it stand X, A, Index,
// kVector, kChannels, kPlaces, kStatistics, kWeight, kBias, kSilu.
#pragma once

#include "joins.cuh"

template <bool kPacked, typename T>
inline Pack<T, kVector> read_channels(const T *row, int c) {
  if (kPacked) return load_pack<kVector>(row + c);
  Pack<T, kVector> pack;
#pragma unroll
  for (int k = 0; k < kVector; ++k) pack.at[k] = row[c + k];
  return pack;
}

template <bool kPacked, typename T>
inline void write_channels(T *row, int c, const Pack<T, kVector> &pack) {
  if (kPacked) return store_pack(row + c, pack);
#pragma unroll
  for (int k = 0; k < kVector; ++k) row[c + k] = pack.at[k];
}

// Where the mean and rstd of an element stand: one for each place, or for each image and group.
inline Index statistic_of(Index image, Index row, int channel) {
  constexpr int kGroups = kStatistics == 0 ? 1 : kStatistics;
  return kStatistics == 0 ? row : image * kGroups + channel / (kChannels / kGroups);
}

// e to the power of -z. Answers of 8 or 11 bits need no more than what one instruction gives.
inline float falling(float z) {
  if (sizeof(X) == sizeof(float)) return exp(-z);
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(z * -1.4426950408889634f));
  return power;
}

inline float sigmoid(float z) {
  return __fdividef(1.0f, 1.0f + falling(z));
}
inline double sigmoid(double z) {
  return 1.0 / (1.0 + exp(-z));
}

inline float silu(float z) {
  return __fdividef(z, 1.0f + falling(z));
}
inline double silu(double z) {
  return z / (1.0 + exp(-z));
}

// The weights and biases of kVector channels, in registers.
struct Channels {
  A weights[kVector];
  A biases[kVector];

  Channels(const X *weight, const X *bias, int c) {
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      weights[k] = kWeight ? (A)number(weight[c + k]) : (A)1;
      biases[k] = kBias ? (A)number(bias[c + k]) : (A)0;
    }
  }
  // The gradient that passes the activation.
  A through(A given, A unit, int k) const {
    if (!kSilu) return given;
    const A z = unit * weights[k] + biases[k];
    const A s = sigmoid(z);
    return given * s * (1 + z * (1 - s));
  }
};
