// concat: the inputs one behind the other along an axis.
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {

void run_concat(const flame_op &op) {
  const flame_tensor &y = *op.outputs[0];
  const auto axis = static_cast<size_t>(integer_attribute(op, "axis"));
  int64_t start = 0;
  for (uint32_t k = 0; k < op.input_count; ++k) {
    const flame_tensor &x = *op.inputs[k];
    for_each_index(x, [&](const Index &i) {
      Index place = i;
      place[axis] += start;
      store(y, place, load(x, i));
    });
    start += x.shape[axis];
  }
}

}  // namespace flame::reference
