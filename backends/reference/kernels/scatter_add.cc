// scatter_add: y = base; y[outer…, indices[i…], inner…] += updates[outer…, i…, inner…].
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {
namespace {

// The place of an index among all elements in row-major order.
size_t position(const flame_tensor &tensor, const Index &index) {
  int64_t place = 0;
  for (uint32_t axis = 0; axis < tensor.rank; ++axis)
    place = place * tensor.shape[axis] + index[axis];
  return static_cast<size_t>(place);
}

}  // namespace

void run_scatter_add(const flame_op &op) {
  const flame_tensor &base = *op.inputs[0];
  const flame_tensor &indices = *op.inputs[1];
  const flame_tensor &updates = *op.inputs[2];
  const flame_tensor &y = *op.outputs[0];
  const auto axis = static_cast<int64_t>(integer_attribute(op, "axis"));
  const bool whole = class_of_dtype(base.dtype) == ScalarClass::kInteger;
  std::vector<double> sums;
  std::vector<uint64_t> integer_sums;
  for_each_index(base, [&](const Index &i) {
    sums.push_back(number_at(base, i));
    integer_sums.push_back(whole ? static_cast<uint64_t>(as_integer(load(base, i))) : 0);
  });
  for_each_index(updates, [&](const Index &i) {
    const auto chosen_begin = i.begin() + axis;
    const auto chosen_end = chosen_begin + indices.rank;
    const int64_t chosen = as_integer(load(indices, Index(chosen_begin, chosen_end)));
    if (chosen < 0 || chosen >= base.shape[axis]) return;
    Index to(i.begin(), chosen_begin);
    to.push_back(chosen);
    to.append(chosen_end, i.end());
    const size_t place = position(base, to);
    const Element update = load(updates, i);
    sums[place] += as_number(update);
    if (whole) integer_sums[place] += static_cast<uint64_t>(as_integer(update));
  });
  for_each_index(y, [&](const Index &i) {
    const size_t place = position(y, i);
    store(y, i,
          whole ? element_of(static_cast<int64_t>(integer_sums[place])) : element_of(sums[place]));
  });
}

}  // namespace flame::reference
