// concat: the inputs one behind the other along an axis.
#include <vector>

#include "backends/onednn/move.h"
#include "backends/onednn/op_plan.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {
namespace {

struct Part {
  Move move;
  int64_t start_bytes;  // of the part in y
};

}  // namespace

std::unique_ptr<OpPlan> plan_concat(const flame::Op &op) {
  expect_attributes(op, {"axis"});
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  const flame_tensor &y = op.output(0);
  const Sizes y_strides = broadcast_strides(y, shape_of(y));
  const int64_t along = y.strides[axis] * int64_t{FLAME_DTYPE_BYTES(y.dtype)};
  std::vector<Part> parts;
  int64_t start = 0;
  for (uint32_t i = 0; i < op.input_count(); ++i) {
    const flame_tensor &x = op.input(i);
    const Sizes shape = shape_of(x);
    parts.push_back({Move(shape, broadcast_strides(x, shape), y_strides, y.dtype), start * along});
    start += x.shape[axis];
  }
  return plan_of([parts](const Run &run) {
    for (uint32_t i = 0; i < parts.size(); ++i)
      parts[i].move.run_parallel(run.input<char>(i), run.output<char>(0) + parts[i].start_bytes);
  });
}

}  // namespace flame::onednn
