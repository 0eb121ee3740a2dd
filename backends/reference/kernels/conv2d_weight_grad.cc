// conv2d_weight_grad: dweight = Σ dy · x over the products that the weight took part in.
#include "backends/reference/kernel.h"
#include "backends/reference/windows.h"

namespace flame::reference {

void run_conv2d_weight_grad(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &dy = *op.inputs[1];
  const flame_tensor &dweight = *op.outputs[0];
  Sums sums(dweight);
  for_each_product(Convolution(op), x, dweight, dy,
                   [&](const Index &at_x, const Index &at_weight, const Index &at_y) {
                     sums.at(at_weight) += number_at(dy, at_y) * number_at(x, at_x);
                   });
  sums.store_all();
}

}  // namespace flame::reference
