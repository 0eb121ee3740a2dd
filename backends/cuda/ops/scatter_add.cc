// scatter_add: slices added to a tensor at places along an axis, chosen by indices.
#include <algorithm>

#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {
namespace {

Axes axes_between(const flame_tensor &tensor, size_t begin, size_t end) {
  const auto part = [&](const Sizes &values) {
    return Sizes(values.begin() + static_cast<int64_t>(begin),
                 values.begin() + static_cast<int64_t>(end));
  };
  return merged_axes(part(sizes_of(tensor)), {part(strides_of(tensor))});
}

}  // namespace

std::unique_ptr<OpPlan> plan_scatter_add(const flame::Op &op, const Target &) {
  constexpr int64_t kThreads = 256;
  expect_attributes(op, {"axis"});
  const flame_tensor &base = op.input(0);
  const flame_tensor &indices = op.input(1);
  const flame_tensor &updates = op.input(2);
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  const Axes whole = merged_axes(sizes_of(y), {strides_of(y), strides_of(base)});
  const Axes places = merged_axes(sizes_of(indices), {strides_of(indices)});
  const Axes outer = axes_between(updates, 0, axis);
  const Axes choices = axes_between(updates, axis, axis + indices.rank);
  const Axes inner = axes_between(updates, axis + indices.rank, updates.rank);
  const int64_t count = element_count(whole);
  Definitions made;
  made.line(index_types(needs_wide_index(whole) || needs_wide_index(places) ||
                        needs_wide_index(outer) || needs_wide_index(choices) ||
                        needs_wide_index(inner)));
  made.type("T", y.dtype).type("I", indices.dtype).alias("A", accumulator_type(y.dtype));
  made.number("kChoices", element_count(places));
  made.number("kInner", std::max<int64_t>(element_count(inner), 1));
  made.number("kSize", std::max<int64_t>(base.shape[axis], 1));
  made.line(offset_function("offset_y", whole, 0)).line(offset_function("offset_base", whole, 1));
  made.line(offset_function("place_of", places, 0));
  made.line(offset_function("outer_updates", outer, 0));
  made.line(offset_function("choice_updates", choices, 0));
  made.line(offset_function("inner_updates", inner, 0)).number("kThreads", kThreads);
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"scatter_add.cu", made.text(), "scatter_add"};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads);
  launch.arguments = {input_argument(0), input_argument(1), input_argument(2), output_argument(0),
                      number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
