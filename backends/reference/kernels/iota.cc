// iota: y[…, i, …] = start + step·i.
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {

void run_iota(const flame_op &op) {
  const flame_tensor &y = *op.outputs[0];
  const double start = number_attribute(op, "start");
  const double step = number_attribute(op, "step");
  const auto axis = static_cast<size_t>(integer_attribute(op, "axis"));
  const bool whole = class_of_dtype(y.dtype) == ScalarClass::kInteger;
  for_each_index(y, [&](const Index &i) {
    const auto product =
        static_cast<uint64_t>(static_cast<int64_t>(step)) * static_cast<uint64_t>(i[axis]);
    const auto integer =
        static_cast<int64_t>(product + static_cast<uint64_t>(static_cast<int64_t>(start)));
    const double scaled = step * static_cast<double>(i[axis]);
    store(y, i, whole ? element_of(integer) : element_of(start + scaled));
  });
}

}  // namespace flame::reference
