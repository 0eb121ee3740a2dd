// fill: one number everywhere.
#include "backends/onednn/move.h"
#include "backends/onednn/op_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_fill(const flame::Op &op) {
  expect_attributes(op, {"shape", "value", "dtype"});
  const flame_tensor &y = op.output(0);
  const Sizes shape = shape_of(y);
  // One element of y's type, which is then moved everywhere.
  const double value = op.attributes().number("value");
  uint64_t element = 0;
  store_row(ValueClass::kF64, &value, 1, y.dtype, &element, 1);
  const Move move(shape, Sizes(shape.size(), 0), broadcast_strides(y, shape), y.dtype);
  return plan_of([move, element](const Run &run) {
    move.run_parallel(reinterpret_cast<const char *>(&element), run.output<char>(0));
  });
}

}  // namespace flame::onednn
