// pool2d_grad: each element of the image takes its part of the windows that hold it.
#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/pooling.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_pool2d_grad(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 256;
  expect_attributes(
      op, {"kind", "window", "stride", "padding", "count_include_pad", "output_size", "size"});
  const flame_tensor &dy = op.input(0);
  const flame_tensor &dx = op.output(0);
  const bool has_image = op.input_count() > 1;
  const Axes axes = merged_axes(sizes_of(dx), {strides_of(dx)});
  const int64_t count = element_count(axes);
  Definitions made = pooling_definitions(op, dx, dy, has_image ? op.input(1).strides : dx.strides);
  made.line(index_types(needs_wide_index(axes))).line(offset_function("offset_dx", axes, 0));
  made.number("kDyImage", dy.strides[0]).number("kDyRow", dy.strides[1]);
  made.number("kDyColumn", dy.strides[2]).number("kDyChannel", dy.strides[3]);
  made.number("kThreads", kThreads);
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"pool2d_grad.cu", made.text(), "pool2d_grad"};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads);
  launch.arguments = {input_argument(0), has_image ? input_argument(1) : number_argument(0),
                      output_argument(0), number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
