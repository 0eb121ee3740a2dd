// copy: y[i] = x[i].
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {

void run_copy(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &y = *op.outputs[0];
  for_each_index(y, [&](const Index &i) { store(y, i, load(x, i)); });
}

}  // namespace flame::reference
