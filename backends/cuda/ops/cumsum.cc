// cumsum: running sums along an axis.
#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/lines.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_cumsum(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 128;
  expect_attributes(op, {"axis", "exclusive", "reverse"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  const Axes lines = line_axes(sizes_of(x), axis, {strides_of(x), strides_of(y)});
  const bool whole = x.dtype == FLAME_DTYPE_I64 || x.dtype == FLAME_DTYPE_I32;
  // A warp for each line reads neighbours; if those lie along another axis, a thread does.
  const int64_t group = x.strides[axis] == 1 && x.shape[axis] > 1 ? 32 : 1;
  Definitions made;
  // Sums of many numbers, each of which is an answer: held wider than f32.
  made.type("X", x.dtype).alias("A", whole ? "long long" : "double");
  made.line(index_types(needs_wide_index(lines)));
  made.line(offset_function("line_x", lines, 0)).line(offset_function("line_y", lines, 1));
  made.number("kSize", x.shape[axis]);
  made.number("kStepX", x.strides[axis]).number("kStepY", y.strides[axis]);
  made.flag("kExclusive", op.attributes().flag("exclusive"));
  made.flag("kReverse", op.attributes().flag("reverse"));
  made.number("kGroup", group).number("kThreads", kThreads);
  const int64_t count = element_count(lines);
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"cumsum.cu", made.text(), "cumsum"};
  launch.threads = kThreads;
  launch.blocks = x.shape[axis] == 0 ? 0 : block_count(count, kThreads / group);
  launch.arguments = {input_argument(0), output_argument(0), number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
