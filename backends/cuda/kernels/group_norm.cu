// The second step of group_norm: every block joins the parts' statistics of its groups, then brings its
// places to y = activation((x - mean) · rstd · weight + bias). In front of it stand what group_slabs.cuh
// names, and:
//   kChunk      places of a part
//   kEpsilon
#include "group_slabs.cuh"

constexpr int kAhead = 8;  // packs of a thread that are on their way

struct Statistics {
  A means[kSlabGroups];
  A rstds[kSlabGroups];
};

inline A places_of(int part) {
  const Index left = kPlaces - (Index)part * kChunk;
  return (A)(left < kChunk ? left : kChunk);
}

// The mean and rstd of a group from those of its parts, in the first lane of the warp.
inline Pack<A, 2> joined(const Pack<A, 2> *parts) {
  using W = Wide<A>::Type;
  const OwnParts own(parts);
  W sum = 0;
#pragma unroll
  for (int i = 0; i < kOwnParts; ++i)
    if (own.has(i)) sum += (W)own.at[i].at[0] * (W)places_of(own.number_of(i));
  const A mean = (A)(sum_of_lanes<32>(sum) / kPlaces);
  A squares = 0;
#pragma unroll
  for (int i = 0; i < kOwnParts; ++i) {
    const A apart = own.at[i].at[0] - mean;
    if (own.has(i))
      squares += own.at[i].at[1] + apart * apart * (places_of(own.number_of(i)) * kWidth);
  }
  squares = sum_of_lanes<32>(squares);
  return {{mean, 1 / sqrt(squares / ((A)kPlaces * kWidth) + (A)kEpsilon)}};
}

// The mean and rstd of each group of the slab, for the block; that of groups that begin in the slab goes
// out if the block is the slab's first.
inline void join_parts(const Pack<A, 2> *partial, const SlabPlaces &places, A *mean_out,
                       A *rstd_out, Statistics &statistics) {
  for_each_group(places, [&](int group) {
    const Index at = places.image * kGroups + group;
    const Pack<A, 2> of_group = joined(partial + at * kParts);
    if (threadIdx.x % 32 != 0) return;
    statistics.means[group - places.first_group()] = of_group.at[0];
    statistics.rstds[group - places.first_group()] = of_group.at[1];
    if (places.block != 0 || group * kWidth < places.slab * kSlab) return;
    mean_out[at] = of_group.at[0];
    rstd_out[at] = of_group.at[1];
  });
}

template <bool kPacked>
inline void run(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
                const Pack<A, 2> *partial, Statistics &statistics) {
  const SlabPlaces places;
  constexpr Index kStep = SlabPlaces::kStep;
  const int c = places.channel;
  const int trips = places.trips;
  const X *from = x + places.before;
  X *to = y + places.before;
  HeldPack<X> packs[kAhead];
#pragma unroll
  for (int i = 0; i < kAhead; ++i)
    if (i < trips) packs[i].template read<kPacked>(from + i * kStep, 0);
  HeldPack<X> weights, biases;
  if (kWeight) weights.template read<false>(weight, c);
  if (kBias) biases.template read<false>(bias, c);
  wait_for_previous();
  join_parts(partial, places, mean_out, rstd_out, statistics);
  __syncthreads();
  A middles[kVector];
  A scales[kVector];
  A shifts[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const int group = places.group_of(k);
    middles[k] = statistics.means[group];
    scales[k] = statistics.rstds[group] * (kWeight ? (A)number(weights.at(k)) : (A)1);
    shifts[k] = kBias ? (A)number(biases.at(k)) : (A)0;
  }
  for (int done = 0; done < trips; done += kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (done + i >= trips) continue;
      Pack<X, kVector> out;
#pragma unroll
      for (int k = 0; k < kVector; ++k) {
        const A z = ((A)number(packs[i].at(k)) - middles[k]) * scales[k] + shifts[k];
        out.at[k] = Store<X>::from(kSilu ? silu(z) : z);
      }
      const int next = done + i + kAhead;
      if (next < trips) packs[i].template read<kPacked>(from + next * kStep, 0);
      write_channels<kPacked>(to + (done + i) * kStep, 0, out);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    group_norm(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
               const Pack<A, 2> *partial) {
  __shared__ Statistics statistics;
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y))
    run<true>(x, weight, bias, y, mean_out, rstd_out, partial, statistics);
  else
    run<false>(x, weight, bias, y, mean_out, rstd_out, partial, statistics);
}
