// pool2d_grad: each output's gradient goes to its maximum, or in parts to its whole window.
#include "backends/reference/kernel.h"
#include "backends/reference/windows.h"

namespace flame::reference {

void run_pool2d_grad(const flame_op &op) {
  const flame_tensor &dy = *op.inputs[0];
  const flame_tensor &dx = *op.outputs[0];
  const bool maximum = text_attribute(op, "kind") == "max";
  Sums sums(dx);
  for_each_index(dy, [&](const Index &out) {
    const PoolWindow window = pool_window(op, dx, dy, out);
    const double given = number_at(dy, out);
    if (maximum) {
      sums.at(place_of_maximum(*op.inputs[1], window, out)) += given;
      return;
    }
    for (int64_t row = window.top; row < window.bottom; ++row) {
      for (int64_t column = window.left; column < window.right; ++column) {
        sums.at({out[0], row, column, out[3]}) += given / window.divisor;
      }
    }
  });
  sums.store_all();
}

}  // namespace flame::reference
