// cumsum: running sums along the axis.
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {

void run_cumsum(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &y = *op.outputs[0];
  const auto axis = static_cast<size_t>(integer_attribute(op, "axis"));
  const bool exclusive = integer_attribute(op, "exclusive") != 0;
  const bool reverse = integer_attribute(op, "reverse") != 0;
  const bool whole = class_of_dtype(x.dtype) == ScalarClass::kInteger;
  for_each_index(y, [&](const Index &out) {
    double sum = 0;
    uint64_t integer_sum = 0;
    Index place = out;
    for (int64_t k = 0; k < x.shape[axis]; ++k) {
      const bool before = reverse ? k > out[axis] : k < out[axis];
      if (!before && (exclusive || k != out[axis])) continue;
      place[axis] = k;
      const Element element = load(x, place);
      sum += as_number(element);
      integer_sum += static_cast<uint64_t>(element.integer);
    }
    store(y, out, whole ? element_of(static_cast<int64_t>(integer_sum)) : element_of(sum));
  });
}

}  // namespace flame::reference
