// The first step of group_norm_grad over x[images, places, channels]: partial[images][groups][parts] =
// {Σ g · x̂, Σ g} over each group and the places of each part, where x̂ = (x - mean) · rstd and g = dy ·
// activation'(z) · weight, z = x̂ · weight + bias. In front of it stands what group_pieces.cuh names.
#include "group_pieces.cuh"

constexpr int kAhead = 2;  // packs of dy and of x that are on their way to a thread

struct Shared {
  A products[kPieces][kActive];
  A plain[kPieces][kActive];
};

// Of the group that a channel of the thread's pack belongs to.
inline A of_channel(const A (&pieces)[kPieces], int within, int k) {
  A found = pieces[0];
#pragma unroll
  for (int piece = 1; piece < kPieces; ++piece)
    if (is_of(piece, within, k)) found = pieces[piece];
  return found;
}

template <bool kPacked>
inline void run(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                const X *bias, Pack<A, 2> *partial, Shared &shared) {
  const OwnPlaces places;
  constexpr Index kStep = OwnPlaces::kStep;
  const X *given = dy + places.before;
  const X *from = x + places.before;
  HeldPack<X> gradients[kAhead], packs[kAhead];
#pragma unroll
  for (int i = 0; i < kAhead; ++i) {
    if (i >= places.trips) continue;
    gradients[i].template read<kPacked>(given + i * kStep, 0);
    packs[i].template read<kPacked>(from + i * kStep, 0);
  }
  A means[kPieces], rstds[kPieces];
#pragma unroll
  for (int piece = 0; piece < kPieces; ++piece) {
    const Index at = places.image * kGroups + places.group_of(piece);
    means[piece] = mean[at];
    rstds[piece] = rstd[at];
  }
  const Channels channels(weight, bias, places.channel);
  A middles[kVector], scales[kVector];  // x̂ · weight = (x - middle) · scale
  A products[kVector] = {}, plain[kVector] = {};
#pragma unroll
  for (int k = 0; k < kVector; ++k) {
    middles[k] = of_channel(means, places.within, k);
    scales[k] = of_channel(rstds, places.within, k) * channels.weights[k];
  }
  for (int done = 0; done < places.trips; done += kAhead) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      if (done + i >= places.trips) continue;
#pragma unroll
      for (int k = 0; k < kVector; ++k) {
        const A apart = (A)number(packs[i].at(k)) - middles[k];
        const A g = through((A)number(gradients[i].at(k)), apart * scales[k] + channels.biases[k]);
        products[k] += g * apart;
        plain[k] += g;
      }
      const int next = done + i + kAhead;
      if (next >= places.trips) continue;
      gradients[i].template read<kPacked>(given + next * kStep, 0);
      packs[i].template read<kPacked>(from + next * kStep, 0);
    }
  }
#pragma unroll
  for (int piece = 0; piece < kPieces && places.active; ++piece) {
    A product = 0, sum = 0;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      if (!is_of(piece, places.within, k)) continue;
      product += products[k] * scales[k];
      sum += plain[k] * channels.weights[k];
    }
    shared.products[piece][threadIdx.x] = product;
    shared.plain[piece][threadIdx.x] = sum;
  }
  __syncthreads();
  const auto at = [&](int of) {
    return (A *)(partial + (places.image * kGroups + of) * kParts + places.part);
  };
  add_up(shared.products, [&](int of, auto sum) { at(of)[0] = (A)sum; });
  add_up(shared.plain, [&](int of, auto sum) { at(of)[1] = (A)sum; });
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    group_grad_sums(const X *dy, const X *x, const A *mean, const A *rstd, const X *weight,
                    const X *bias, Pack<A, 2> *partial) {
  __shared__ Shared shared;
  let_next_begin();
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(x))
    run<true>(dy, x, mean, rstd, weight, bias, partial, shared);
  else
    run<false>(dy, x, mean, rstd, weight, bias, partial, shared);
}
