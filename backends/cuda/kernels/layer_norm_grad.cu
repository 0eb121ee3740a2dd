// The gradient of layer_norm and rms_norm for x, and what is added to it. In front of it stand what rows.cuh names, and:
//   X, A                        the type of the tensors, and that of the arithmetic, mean and rstd
//   row_… and step_… of dy, x, weight, addend and dx; row_mean, row_rstd
//   kCentered                   layer_norm
//   kWeight, kAddend            whether there is one; dx may stand in the addend's place
#include "rows.cuh"

template <bool kPacked>
inline void run(const X *dy, const X *x, const A *mean_in, const A *rstd_in,
                const X *__restrict__ weight, const X *addend, X *dx, long long rows) {
  const long long row = row_of_thread();
  const bool inside = row < rows;
  const Index r = (Index)(inside ? row : 0);
  const RowReader<kPacked, X, step_dy> given(dy + row_dy(r));
  const RowReader<kPacked, X, step_x> reader(x + row_x(r));
  const A mean = kCentered ? mean_in[row_mean(r)] : (A)0;
  const A rstd = rstd_in[row_rstd(r)];
  A sum = 0;
  A product = 0;
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> g = given.get(trip);
    const Pack<X, kVector> pack = reader.get(trip);
    const Pack<X, kVector> w = kWeight ? read_row<kPacked, step_weight>(weight, trip) : pack;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      A scaled = (A)number(g.at[k]);
      if (kWeight) scaled *= (A)number(w.at[k]);
      sum += scaled;
      product += scaled * ((A)number(pack.at[k]) - mean);
    }
  }
  const RowReader<kPacked && kAddend, X, step_addend> added(kAddend ? addend + row_addend(r) : x);
  sum_rows(sum, product);
  // dx = rstd · (scaled - mean of scaled - x̂ · mean of scaled · x̂), of numbers that rows share.
  const A slope = -product / kColumns * rstd * rstd * rstd;
  const A shift = kCentered ? -sum / kColumns * rstd : (A)0;
  if (!inside) return;
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> g = given.get(trip);
    const Pack<X, kVector> pack = reader.get(trip);
    const Pack<X, kVector> w = kWeight ? read_row<kPacked, step_weight>(weight, trip) : pack;
    const Pack<X, kVector> more = kAddend ? added.get(trip) : pack;
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      A scaled = (A)number(g.at[k]);
      if (kWeight) scaled *= (A)number(w.at[k]);
      const A apart = (A)number(pack.at[k]) - mean;
      const A value = scaled * rstd + (apart * slope + shift);
      out.at[k] = Store<X>::from(kAddend ? value + (A)number(more.at[k]) : value);
    }
    write_row<kPacked, X, step_dx>(dx + row_dx(r), trip, out);
  }
}

// Long rows take many registers, and an addend takes more; so many blocks should find room nonetheless.
constexpr int kResident = !kHeld || kThreads != 128 ? 1 : (kTrips > 3 ? 5 : 6) - (kAddend ? 1 : 0);

extern "C" __global__ void __launch_bounds__(kThreads, kResident)
    layer_norm_grad(const X *dy, const X *x, const A *mean_in, const A *rstd_in,
                    const X *__restrict__ weight, const X *addend, X *dx, long long rows) {
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(x) && takes_packs<kVector>(dx) &&
      takes_packs<kVector>(weight) && takes_packs<kVector>(addend))
    run<true>(dy, x, mean_in, rstd_in, weight, addend, dx, rows);
  else
    run<false>(dy, x, mean_in, rstd_in, weight, addend, dx, rows);
}
