// pool2d: the maximum or average over windows of an image.
#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/pooling.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_pool2d(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 256;
  expect_attributes(op,
                    {"kind", "window", "stride", "padding", "count_include_pad", "output_size"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  const Axes axes = merged_axes(sizes_of(y), {strides_of(y)});
  const int64_t count = element_count(axes);
  Definitions made = pooling_definitions(op, x, y, x.strides);
  made.line(index_types(needs_wide_index(axes))).line(offset_function("offset_y", axes, 0));
  made.number("kThreads", kThreads);
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"pool2d.cu", made.text(), "pool2d"};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads);
  launch.arguments = {input_argument(0), output_argument(0), number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
