// The gradients of softmax and log_softmax along an axis. In front of it stand what rows.cuh names, and:
//   X, A                  the type of the tensors, and that of the arithmetic
//   row_… and step_… of dy, y and dx
//   kLogarithm            that of log_softmax
#include "rows.cuh"

template <bool kPacked>
inline void run(const X *dy, const X *y, X *dx, long long rows) {
  const long long row = row_of_thread();
  const bool inside = row < rows;
  const Index r = (Index)(inside ? row : 0);
  const RowReader<kPacked, X, step_dy> given(dy + row_dy(r));
  const RowReader<kPacked, X, step_y> answer(y + row_y(r));
  Total<A, sizeof(X) == sizeof(A)> total = {0};
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> g = given.get(trip);
    const Pack<X, kVector> a = answer.get(trip);
#pragma unroll
    for (int k = 0; k < kVector; ++k)
      total.add(kLogarithm ? (A)number(g.at[k]) : (A)number(g.at[k]) * (A)number(a.at[k]));
  }
  const A sum = (A)join_row<Sum<Wide<A>::Type>>(total.value());
  if (!inside) return;
#pragma unroll kUnroll
  for (int trip = 0; trip < kTrips; ++trip) {
    if (!has_trip(trip)) continue;
    const Pack<X, kVector> g = given.get(trip);
    const Pack<X, kVector> a = answer.get(trip);
    Pack<X, kVector> out;
#pragma unroll
    for (int k = 0; k < kVector; ++k) {
      const A from = (A)number(g.at[k]);
      const A share = (A)number(a.at[k]);
      out.at[k] = Store<X>::from(kLogarithm ? from - exp(share) * sum : share * (from - sum));
    }
    write_row<kPacked, X, step_dx>(dx + row_dx(r), trip, out);
  }
}

extern "C" __global__ void __launch_bounds__(kThreads)
    softmax_grad(const X *dy, const X *y, X *dx, long long rows) {
  if (takes_packs<kVector>(dy) && takes_packs<kVector>(y) && takes_packs<kVector>(dx))
    run<true>(dy, y, dx, rows);
  else
    run<false>(dy, y, dx, rows);
}
