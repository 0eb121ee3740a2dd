// The second step of group_norm_grad: every block joins the parts' sums of its groups, then brings its
// places to dx = rstd · (g - mean g - x̂ · mean(g · x̂)) + addend. In front of it stand what
// group_slabs.cuh names, and:
//   kAddend, kAddendStep    whether there is one, and the elements from a place of it to the next; dx may
//                           stand in its place
#include "group_slabs.cuh"

constexpr int kAhead = 2;  // packs of each tensor that are on their way to a thread

// Of each group: dx = g · rstd + ((x - mean) · slope + shift).
struct Sums {
  A means[kSlabGroups];
  A rstds[kSlabGroups];
  A slopes[kSlabGroups];
  A shifts[kSlabGroups];
};

inline void join_parts(const Pack<A, 2> *partial, const A *mean, const A *rstd,
                       const SlabPlaces &places, Sums &sums) {
  for_each_group(places, [&](int group) {
    const Index at = places.image * kGroups + group;
    const A middle = mean[at];
    const A scale = rstd[at];
    const OwnParts own(partial + at * kParts);
    A product = 0;
    A sum = 0;
#pragma unroll
    for (int i = 0; i < kOwnParts; ++i) {
      product += own.at[i].at[0];
      sum += own.at[i].at[1];
    }
    product = sum_of_lanes<32>(product);
    sum = sum_of_lanes<32>(sum);
    if (threadIdx.x % 32 != 0) return;
    const int to = group - places.first_group();
    const A count = (A)kPlaces * kWidth;
    sums.means[to] = middle;
    sums.rstds[to] = scale;
    sums.slopes[to] = -(product / count) * scale * scale;
    sums.shifts[to] = -(sum / count) * scale;
  });
}

template <bool kPacked>
inline void run(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                const X *bias, const X *addend, X *dx, const Pack<A, 2> *partial, Sums &sums) {
  const SlabPlaces places;
  constexpr Index kStep = SlabPlaces::kStep;
  const X *given = dy + places.before;
  const X *from = x + places.before;
  const X *added = addend + places.place * kAddendStep + places.channel;
  X *to = dx + places.before;
  HeldPack<X> gradients[kAhead], packs[kAhead], addends[kAhead];
  const auto read = [&](int i, int trip) {
    if (trip >= places.trips) return;
    gradients[i].template read<kPacked>(given + trip * kStep, 0);
    packs[i].template read<kPacked>(from + trip * kStep, 0);
    if (kAddend)
      addends[i].template read<kPacked>(added + (long long)trip * kPlaceThreads * kAddendStep, 0);
  };
#pragma unroll
  for (int i = 0; i < kAhead; ++i) read(i, i);
  const Channels channels(weight, bias, places.channel);
  wait_for_previous();
  join_parts(partial, mean, rstd, places, sums);
  __syncthreads();
  A middles[kVector], scales[kVector], slopes[kVector], shifts[kVector];
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    const int group = places.group_of(k);
    middles[k] = sums.means[group];
    scales[k] = sums.rstds[group] * channels.weights[k];
    slopes[k] = sums.slopes[group];
    shifts[k] = sums.shifts[group];
  }
  for (int done = 0; done < places.trips; done += kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (done + i >= places.trips) continue;
      Pack<X, kVector> out;
#pragma unroll
      for (int k = 0; k < kVector; ++k) {
        const A apart = (A)number(packs[i].at(k)) - middles[k];
        const A g = through((A)number(gradients[i].at(k)), apart * scales[k] + channels.biases[k]);
        const A value = g * scales[k] + (apart * slopes[k] + shifts[k]);
        out.at[k] = Store<X>::from(kAddend ? value + (A)number(addends[i].at(k)) : value);
      }
      read(i, done + i + kAhead);
      write_channels<kPacked>(to + (done + i) * kStep, 0, out);
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    group_norm_grad(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                    const X *bias, const X *addend, X *dx, const Pack<A, 2> *partial) {
  __shared__ Sums sums;
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(x) && takes_packs<kVector>(dx) &&
      takes_packs<kVector>(addend) && kAddendStep % kVector == 0)
    run<true>(dy, x, mean, rstd, weight, bias, addend, dx, partial, sums);
  else
    run<false>(dy, x, mean, rstd, weight, bias, addend, dx, partial, sums);
}
