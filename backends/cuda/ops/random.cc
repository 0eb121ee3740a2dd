// random: uniform or normal numbers, or bits, from Philox.
#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_random(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 256;
  expect_attributes(op, {"kind", "shape", "stream", "dtype"});
  const flame_tensor &y = op.output(0);
  const std::string_view kind = op.attributes().string("kind");
  const Axes axes = merged_axes(sizes_of(y), {strides_of(y)});
  const int64_t count = element_count(axes);
  Definitions made;
  made.line(index_types(needs_wide_index(axes))).type("T", y.dtype);
  made.line(offset_function("offset_y", axes, 0)).number("kThreads", kThreads);
  made.number("kKind", kind == "bits" ? 0 : kind == "uniform" ? 1 : 2);
  made.line(flame::text("constexpr unsigned kStream = ", op.attributes().integer("stream"), "u;"));
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"random.cu", made.text(), "random", false};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads * 4);
  launch.arguments = {input_argument(0), input_argument(1), output_argument(0),
                      number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
