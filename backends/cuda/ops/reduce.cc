// reduce: the sum, mean, maximum, minimum or product over axes.
#include <algorithm>

#include "backends/cuda/reduction.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_reduce(const flame::Op &op, const Target &target) {
  expect_attributes(op, {"kind", "axes", "keep_dims", "dtype"});
  const flame_tensor &x = op.input(0);
  const flame_tensor &y = op.output(0);
  const std::vector<int64_t> axes = op.attributes().integers("axes");
  const bool keep_dims = op.attributes().flag("keep_dims");
  Sizes kept_sizes, kept_x, kept_y, reduced_sizes, reduced_x;
  uint32_t y_axis = 0;
  for (uint32_t axis = 0; axis < x.rank; ++axis) {
    const bool is_reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (is_reduced) {
      reduced_sizes.push_back(x.shape[axis]);
      reduced_x.push_back(x.strides[axis]);
      if (keep_dims) ++y_axis;
      continue;
    }
    kept_sizes.push_back(x.shape[axis]);
    kept_x.push_back(x.strides[axis]);
    kept_y.push_back(y.strides[y_axis++]);
  }
  auto plan = std::make_unique<KernelPlan>();
  const Reduction work = {op.attributes().string("kind"),
                          input_argument(0),
                          x.dtype,
                          output_argument(0),
                          y.dtype,
                          merged_axes(kept_sizes, {kept_x, kept_y}, AxisOrder::kByFirst),
                          merged_axes(reduced_sizes, {reduced_x}, AxisOrder::kByFirst)};
  add_reduction(*plan, work, target);
  return plan;
}

}  // namespace flame::cuda
