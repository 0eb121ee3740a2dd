// iota: numbers in even steps along an axis.
#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_iota(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 256;
  expect_attributes(op, {"shape", "axis", "start", "step", "dtype"});
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  const Axes axes = merged_axes(sizes_of(y), {strides_of(y)});
  const Sizes sizes = sizes_of(y);
  int64_t inner = 1;
  for (size_t behind = axis + 1; behind < sizes.size(); ++behind) inner *= sizes[behind];
  const bool whole = y.dtype == FLAME_DTYPE_I64 || y.dtype == FLAME_DTYPE_I32;
  Definitions made;
  made.line(index_types(needs_wide_index(axes))).type("T", y.dtype);
  made.line(offset_function("offset_y", axes, 0)).flag("kWhole", whole);
  made.number("kSize", sizes[axis]).number("kInner", inner).number("kThreads", kThreads);
  made.real("kStart", op.attributes().number("start"));
  made.real("kStep", op.attributes().number("step"));
  const int64_t count = element_count(axes);
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"iota.cu", made.text(), "iota", false};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads);
  launch.arguments = {output_argument(0), number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
