// argreduce: the first index along the axis of NaN, else of the largest or smallest.
#include <cmath>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {
namespace {

// True if `next` takes the place of `held`.
bool wins(const Element &next, const Element &held, bool maximum) {
  if (next.type == ScalarClass::kInteger) {
    return maximum ? next.integer > held.integer : next.integer < held.integer;
  }
  if (std::isnan(held.number)) return false;
  if (std::isnan(next.number)) return true;
  return maximum ? next.number > held.number : next.number < held.number;
}

}  // namespace

void run_argreduce(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const flame_tensor &y = *op.outputs[0];
  const auto axis = static_cast<size_t>(integer_attribute(op, "axis"));
  const bool maximum = text_attribute(op, "kind") == "max";
  const bool keep_dims = integer_attribute(op, "keep_dims") != 0;
  for_each_index(y, [&](const Index &out) {
    Index place = out;
    if (!keep_dims) place.insert(axis, 0);
    const auto at = [&](int64_t i) {
      place[axis] = i;
      return load(x, place);
    };
    int64_t best = 0;
    for (int64_t i = 1; i < x.shape[axis]; ++i) {
      if (wins(at(i), at(best), maximum)) best = i;
    }
    store(y, out, element_of(best));
  });
}

}  // namespace flame::reference
