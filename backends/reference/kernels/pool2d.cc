// pool2d: the maximum or average of x over the window of each output.
#include "backends/reference/kernel.h"
#include "backends/reference/windows.h"

namespace flame::reference {

void run_pool2d(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &y = *op.outputs[0];
  const bool maximum = text_attribute(op, "kind") == "max";
  for_each_index(y, [&](const Index &out) {
    const PoolWindow window = pool_window(op, x, y, out);
    if (maximum) return store(y, out, load(x, place_of_maximum(x, window, out)));
    double sum = 0;
    for (int64_t row = window.top; row < window.bottom; ++row) {
      for (int64_t column = window.left; column < window.right; ++column) {
        sum += number_at(x, {out[0], row, column, out[3]});
      }
    }
    store(y, out, element_of(sum / window.divisor));
  });
}

}  // namespace flame::reference
