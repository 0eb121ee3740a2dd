// sort: values in order along an axis and where they stood; stable, NaN is the largest.
#include <algorithm>
#include <numeric>
#include <type_traits>

#include "backends/onednn/line_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

template <typename Number>
bool is_less(Number a, Number b) {
  if (a != a) return false;
  return b != b || a < b;
}

// Equal values are told apart by their places, so that no memory is needed to keep their order.
template <typename Number>
void sort_line(const Line &line, bool descending, const LineOutput *outputs) {
  const auto *values = static_cast<const Number *>(line.values);
  auto *order = static_cast<int64_t *>(line.scratch);
  std::iota(order, order + line.count, int64_t{0});
  std::sort(order, order + line.count, [=](int64_t a, int64_t b) {
    if (is_less(values[a], values[b])) return !descending;
    if (is_less(values[b], values[a])) return descending;
    return a < b;
  });
  outputs[1].store(ValueClass::kInteger, order, line.count);
  const bool computes_in_f32 = std::is_same_v<Number, double>;
  for (int64_t i = 0; i < line.count; ++i) {
    LineOutput place = outputs[0];
    place.data += i * place.stride * int64_t{FLAME_DTYPE_BYTES(place.dtype)};
    place.store(computes_in_f32 ? ValueClass::kF64 : ValueClass::kInteger, values + order[i], 1);
  }
}

}  // namespace

std::unique_ptr<OpPlan> plan_sort(const flame::Op &op) {
  expect_attributes(op, {"axis", "descending"});
  const bool descending = op.attributes().flag("descending");
  const bool whole = class_of(op.input(0).dtype) == ValueClass::kInteger;
  const auto axis = static_cast<uint32_t>(op.attributes().integer("axis"));
  return plan_lines(op, axis, [=](const Line &line, const LineOutput *outputs) {
    const auto sort = whole ? sort_line<int64_t> : sort_line<double>;
    sort(line, descending, outputs);
  });
}

}  // namespace flame::onednn
