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

// kVector channels of x, on their way or held: narrow ones stay two to a register until they are asked
// for.
template <typename T, bool kPairs = sizeof(T) == 2 && kVector % 2 == 0>
struct HeldPack {
  Pack<T, kVector> pack;

  template <bool kPacked>
  void read(const T *row, int c) {
    pack = read_channels<kPacked>(row, c);
  }
  T at(int k) const { return pack.at[k]; }
};
template <typename T>
struct HeldPack<T, true> {
  using Pairs = Pack<unsigned, (kVector + 1) / 2>;
  Pairs pairs;

  template <bool kPacked>
  void read(const T *row, int c) {
    if (kPacked) {
      pairs = *reinterpret_cast<const Pairs *>(row + c);
      return;
    }
#pragma unroll
    for (int k = 0; k < kVector; k += 2)
      pairs.at[k / 2] = row[c + k].bits | (unsigned)row[c + k + 1].bits << 16;
  }
  T at(int k) const {
    return {(unsigned short)(pairs.at[k / 2] >> k % 2 * 16)};
  }
};

template <bool kPacked, typename T>
inline void write_channels(T *row, int c, const Pack<T, kVector> &pack) {
  if (kPacked) return store_pack(row + c, pack);
#pragma unroll
  for (int k = 0; k < kVector; ++k) row[c + k] = pack.at[k];
}

// Lets the next launch of the plan begin, if it overlaps; it still waits for the end of this one.
inline void let_next_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
// Until here a kernel that overlaps reads nothing of the launch before it, and writes nothing.
inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The sum over kLanes neighbouring threads, in each of them.
template <int kLanes, typename N>
inline N sum_of_lanes(N a) {
#pragma unroll
  for (int apart = kLanes / 2; apart > 0; apart /= 2) a += __shfl_xor_sync(0xffffffffu, a, apart);
  return a;
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

// The gradient that passes the activation at z.
inline A through(A given, A z) {
  if (!kSilu) return given;
  const A s = sigmoid(z);
  return given * s * (1 + z * (1 - s));
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
};
