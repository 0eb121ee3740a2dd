// softmax and log_softmax along an axis. In front of it stand what rows.cuh names, and:
//   X, A                  the type of x and y, and that of the arithmetic
//   row_x, row_y, step_x, step_y
//   kLogarithm            log_softmax
#include "rows.cuh"

template <bool kPacked>
inline void run(const X *x, X *y, long long rows) {
  const long long row = row_of_thread();
  const bool inside = row < rows;
  const Index r = (Index)(inside ? row : 0);
  const RowReader<kPacked, X, step_x> reader(x + row_x(r));
  A most = (A)__int_as_float(0xff800000);
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> pack = reader.get(trip);
#pragma unroll
    for (int k = 0; k < kVector; ++k) most = Largest<A>::of(most, (A)number(pack.at[k]));
  }
  most = join_row<Largest<A>>(most);
  A sum = 0;
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> pack = reader.get(trip);
#pragma unroll
    for (int k = 0; k < kVector; ++k) sum += exp((A)number(pack.at[k]) - most);
  }
  sum = join_row<Sum<A>>(sum);
  const A share = 1 / sum;
  const A logarithm = log(sum);
  if (!inside) return;
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> pack = reader.get(trip);
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A apart = (A)number(pack.at[k]) - most;
      out.at[k] = Store<X>::from(kLogarithm ? apart - logarithm : exp(apart) * share);
    }
    write_row<kPacked, X, step_y>(y + row_y(r), trip, out);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) softmax(const X *x, X *y, long long rows) {
  if (takes_packs<kVector>(x) && takes_packs<kVector>(y))
    run<true>(x, y, rows);
  else
    run<false>(x, y, rows);
}
