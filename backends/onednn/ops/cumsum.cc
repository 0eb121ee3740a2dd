// cumsum: running sums along the axis.
#include <type_traits>

#include "backends/onednn/line_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// Number is double, or uint64_t for integers, which wrap.
template <typename Number>
void add_up(const Line &line, bool exclusive, bool reverse, const LineOutput &output) {
  const auto *values = static_cast<const Number *>(line.values);
  auto *sums = static_cast<Number *>(line.scratch);
  Number sum = 0;
  for (int64_t i = 0; i < line.count; ++i) {
    const int64_t place = reverse ? line.count - 1 - i : i;
    if (exclusive) sums[place] = sum;
    sum += values[place];
    if (!exclusive) sums[place] = sum;
  }
  const bool computes_in_f32 = std::is_same_v<Number, double>;
  output.store(computes_in_f32 ? ValueClass::kF64 : ValueClass::kInteger, sums, line.count);
}

}  // namespace

std::unique_ptr<OpPlan> plan_cumsum(const flame::Op &op) {
  expect_attributes(op, {"axis", "exclusive", "reverse"});
  const bool exclusive = op.attributes().flag("exclusive");
  const bool reverse = op.attributes().flag("reverse");
  const bool whole = class_of(op.input(0).dtype) == ValueClass::kInteger;
  const auto axis = static_cast<uint32_t>(op.attributes().integer("axis"));
  return plan_lines(op, axis, [=](const Line &line, const LineOutput *outputs) {
    const auto add = whole ? add_up<uint64_t> : add_up<double>;
    add(line, exclusive, reverse, outputs[0]);
  });
}

}  // namespace flame::onednn
