// argreduce: the first place along an axis of NaN, else of the largest or smallest.
#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/lines.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_argreduce(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 128;
  expect_attributes(op, {"kind", "axis", "keep_dims"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  const Sizes y_strides =
      op.attributes().flag("keep_dims") ? without_axis(strides_of(y), axis) : strides_of(y);
  const Axes kept =
      merged_axes(without_axis(sizes_of(x), axis), {without_axis(strides_of(x), axis), y_strides},
                  AxisOrder::kByFirst);
  const int64_t count = element_count(kept);
  // A warp for each answer reads neighbours; if those lie along another axis, a thread does.
  const int64_t group = x.strides[axis] == 1 && x.shape[axis] > 1 ? 32 : 1;
  Definitions made;
  made.line(index_types(needs_wide_index(kept))).type("X", x.dtype);
  made.line(offset_function("kept_x", kept, 0)).line(offset_function("kept_y", kept, 1));
  made.number("kSize", x.shape[axis]).number("kStep", x.strides[axis]);
  made.number("kGroup", group).number("kThreads", kThreads);
  made.flag("kLargest", op.attributes().string("kind") == "max");
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"argreduce.cu", made.text(), "argreduce"};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads / group);
  launch.arguments = {input_argument(0), output_argument(0), number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
