// conv2d: y = bias + Σ x · weight over the window and the group's channels.
#include "backends/reference/kernel.h"
#include "backends/reference/windows.h"

namespace flame::reference {

void run_conv2d(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &weight = *op.inputs[1];
  const flame_tensor &y = *op.outputs[0];
  Sums sums(y);
  for_each_product(Convolution(op), x, weight, y,
                   [&](const Index &at_x, const Index &at_weight, const Index &at_y) {
                     sums.at(at_y) += number_at(x, at_x) * number_at(weight, at_weight);
                   });
  if (op.input_count == 3) {
    for_each_index(
        y, [&](const Index &at_y) { sums.at(at_y) += number_at(*op.inputs[2], {at_y[3]}); });
  }
  sums.store_all();
}

}  // namespace flame::reference
