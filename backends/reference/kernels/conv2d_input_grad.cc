// conv2d_input_grad: dx = Σ dy · weight over the products that x took part in.
#include "backends/reference/kernel.h"
#include "backends/reference/windows.h"

namespace flame::reference {

void run_conv2d_input_grad(const flame_op &op) {
  const flame_tensor &dy = *op.inputs[0];
  const flame_tensor &weight = *op.inputs[1];
  const flame_tensor &dx = *op.outputs[0];
  Sums sums(dx);
  for_each_product(Convolution(op), dx, weight, dy,
                   [&](const Index &at_x, const Index &at_weight, const Index &at_y) {
                     sums.at(at_x) += number_at(dy, at_y) * number_at(weight, at_weight);
                   });
  sums.store_all();
}

}  // namespace flame::reference
