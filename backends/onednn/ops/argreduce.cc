// argreduce: the first index along the axis of NaN, else of the largest or smallest.
#include "backends/onednn/line_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

// Works for integers too, which are never NaN.
template <typename Number>
int64_t first_extreme(const Line &line, bool maximum) {
  const auto *values = static_cast<const Number *>(line.values);
  int64_t best = 0;
  for (int64_t i = 0; i < line.count; ++i) {
    if (values[i] != values[i]) return i;
    if (maximum ? values[i] > values[best] : values[i] < values[best]) best = i;
  }
  return best;
}

}  // namespace

std::unique_ptr<OpPlan> plan_argreduce(const flame::Op &op) {
  expect_attributes(op, {"kind", "axis", "keep_dims"});
  const std::string_view kind = op.attributes().string("kind");
  if (kind != "max" && kind != "min")
    throw flame::unsupported("argreduce of the kind '", kind, "' is not known here");
  const bool maximum = kind == "max";
  const bool whole = class_of(op.input(0).dtype) == ValueClass::kInteger;
  const auto axis = static_cast<uint32_t>(op.attributes().integer("axis"));
  return plan_lines(op, axis, [=](const Line &line, const LineOutput *outputs) {
    const auto find = whole ? first_extreme<int64_t> : first_extreme<double>;
    const int64_t best = find(line, maximum);
    outputs[0].store(ValueClass::kInteger, &best, 1);
  });
}

}  // namespace flame::onednn
