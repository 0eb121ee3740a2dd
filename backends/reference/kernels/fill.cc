// fill: y[i] = value.
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {

void run_fill(const flame_op &op) {
  const flame_tensor &y = *op.outputs[0];
  const Element value = element_of(number_attribute(op, "value"));
  for_each_index(y, [&](const Index &i) { store(y, i, value); });
}

}  // namespace flame::reference
