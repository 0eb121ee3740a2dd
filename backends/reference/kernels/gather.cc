// gather: y[outer…, i…, inner…] = x[outer…, indices[i…], inner…].
#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {

void run_gather(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &indices = *op.inputs[1];
  const flame_tensor &y = *op.outputs[0];
  const auto axis = static_cast<int64_t>(integer_attribute(op, "axis"));
  const Element outside = element_of(int64_t{0});
  for_each_index(y, [&](const Index &i) {
    const auto chosen_begin = i.begin() + axis;
    const auto chosen_end = chosen_begin + indices.rank;
    const int64_t chosen = as_integer(load(indices, Index(chosen_begin, chosen_end)));
    Index from(i.begin(), chosen_begin);
    from.push_back(chosen);
    from.append(chosen_end, i.end());
    const bool inside = chosen >= 0 && chosen < x.shape[axis];
    store(y, i, inside ? load(x, from) : outside);
  });
}

}  // namespace flame::reference
