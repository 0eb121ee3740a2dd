// layer_norm and rms_norm along the last axis. In front of it stand what rows.cuh names, and:
//   X, A                        the type of the tensors, and that of the arithmetic, mean and rstd
//   row_… and step_… of x, y, weight and bias; row_mean, row_rstd
//   kCentered                   layer_norm: the mean is taken off, and given
//   kWeight, kBias              whether there are such
//   kEpsilon
#include "rows.cuh"

using W = Wide<A>::Type;

template <bool kPacked>
inline void run(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
                long long rows) {
  const long long row = row_of_thread();
  const bool inside = row < rows;
  const Index r = (Index)(inside ? row : 0);
  const RowReader<kPacked, X, step_x> reader(x + row_x(r));
  A mean = 0;
  if (kCentered) {
    Total<A, sizeof(X) == sizeof(A)> sum = {0};
#pragma unroll kUnroll
    for (int trip = 0; trip < kTrips; ++trip) {
      if (!has_trip(trip)) continue;
      const Pack<X, kVector> pack = reader.get(trip);
#pragma unroll
      for (int k = 0; k < kVector; ++k) sum.add((A)number(pack.at[k]));
    }
    mean = (A)(join_row<Sum<W>>(sum.value()) / kColumns);
  }
  A squares = 0;
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> pack = reader.get(trip);
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A apart = (A)number(pack.at[k]) - mean;
      squares += apart * apart;
    }
  }
  const A rstd = 1 / sqrt(join_row<Sum<A>>(squares) / kColumns + (A)kEpsilon);
  if (!inside) return;
  if (lane_of_row() == 0) {
    if (kCentered) mean_out[row_mean(r)] = mean;
    rstd_out[row_rstd(r)] = rstd;
  }
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> pack = reader.get(trip);
    const Pack<X, kVector> w = kWeight ? read_row<kPacked, step_weight>(weight, trip) : pack;
    const Pack<X, kVector> b = kBias ? read_row<kPacked, step_bias>(bias, trip) : pack;
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      A value = ((A)number(pack.at[k]) - mean) * rstd;
      if (kWeight) value *= (A)number(w.at[k]);
      if (kBias) value += (A)number(b.at[k]);
      out.at[k] = Store<X>::from(value);
    }
    write_row<kPacked, X, step_y>(y + row_y(r), trip, out);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    layer_norm(const X *x, const X *weight, const X *bias, X *y, A *mean_out, A *rstd_out,
               long long rows) {
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y) && takes_packs<kVector>(weight) &&
      takes_packs<kVector>(bias))
    run<true>(x, weight, bias, y, mean_out, rstd_out, rows);
  else
    run<false>(x, weight, bias, y, mean_out, rstd_out, rows);
}
