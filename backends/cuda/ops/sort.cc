// sort: values in order along an axis, and where they stood.
#include <algorithm>

#include "backends/cuda/kernel_plan.h"
#include "backends/cuda/lines.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_sort(const flame::Op &op, const Target &) {
  expect_attributes(op, {"axis", "descending"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &values = op.output(0);
  const flame_tensor &indices = op.output(1);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  const Axes lines =
      line_axes(sizes_of(x), axis, {strides_of(x), strides_of(values), strides_of(indices)});
  const int64_t size = x.shape[axis];
  const int64_t threads = size <= 32 ? 32 : size <= 128 ? 128 : 256;
  const int64_t blocks = element_count(lines) * ((size + threads - 1) / threads);
  if (size >= INT32_MAX / 2 || blocks > INT32_MAX)
    throw flame::unsupported("sort takes fewer elements than the ", size, " along the axis");
  Definitions made;
  made.line(index_types(needs_wide_index(lines))).type("X", x.dtype);
  made.line(offset_function("line_x", lines, 0)).line(offset_function("line_values", lines, 1));
  made.line(offset_function("line_indices", lines, 2)).number("kSize", size);
  made.number("kStepX", x.strides[axis]).number("kStepValues", values.strides[axis]);
  made.number("kStepIndices", indices.strides[axis]).number("kThreads", threads);
  made.flag("kDescending", op.attributes().flag("descending"));
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"sort.cu", made.text(), "sort"};
  launch.threads = static_cast<uint32_t>(threads);
  launch.blocks = static_cast<uint32_t>(blocks);
  launch.arguments = {input_argument(0), output_argument(0), output_argument(1)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
