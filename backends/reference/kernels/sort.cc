// sort: a stable sort along the axis; NaN is the largest.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "backends/reference/elements.h"
#include "backends/reference/kernel.h"

namespace flame::reference {
namespace {

bool is_less(const Element &a, const Element &b) {
  if (a.type == ScalarClass::kInteger) return a.integer < b.integer;
  if (std::isnan(a.number)) return false;
  return std::isnan(b.number) || a.number < b.number;
}

}  // namespace

void run_sort(const flame_op &op) {
  const flame_tensor &x = *op.inputs[0];
  const auto axis = static_cast<size_t>(integer_attribute(op, "axis"));
  const bool descending = integer_attribute(op, "descending") != 0;
  for_each_index(x, [&](const Index &start) {
    if (start[axis] != 0) return;
    Index place = start;
    std::vector<Element> line;
    for (place[axis] = 0; place[axis] < x.shape[axis]; ++place[axis])
      line.push_back(load(x, place));
    std::vector<int64_t> order(line.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const Element &left = line[static_cast<size_t>(a)];
      const Element &right = line[static_cast<size_t>(b)];
      return descending ? is_less(right, left) : is_less(left, right);
    });
    for (size_t i = 0; i < order.size(); ++i) {
      place[axis] = static_cast<int64_t>(i);
      store(*op.outputs[0], place, line[static_cast<size_t>(order[i])]);
      store(*op.outputs[1], place, element_of(order[i]));
    }
  });
}

}  // namespace flame::reference
