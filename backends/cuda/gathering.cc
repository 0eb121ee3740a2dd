#include "backends/cuda/gathering.h"

#include <algorithm>

#include "backends/cuda/axes.h"
#include "backends/cuda/kernel_plan.h"

namespace flame::cuda {
namespace {

constexpr int64_t kThreads = 256;

Sizes part(const Sizes &values, size_t begin, size_t end) {
  return Sizes(values.begin() + static_cast<int64_t>(begin),
               values.begin() + static_cast<int64_t>(end));
}

// The most elements that can be moved at once: neighbours in x and y, all of whose other steps are
// whole packs.
int64_t vector_of(flame_dtype dtype, int64_t inner, const Axes &x_inner, const Axes &x_outer,
                  int64_t step, const Axes &y) {
  const bool neighbours =
      x_inner.size() == 1 && x_inner[0].strides[0] == 1 && !y.empty() && y.back().strides[0] == 1;
  if (!neighbours) return 1;
  int64_t vector = 16 / FLAME_DTYPE_BYTES(dtype);
  const auto fits = [&] {
    if (inner % vector != 0 || step % vector != 0 || y.back().size % vector != 0) return false;
    for (const Axis &axis : x_outer)
      if (axis.strides[0] % vector != 0) return false;
    for (size_t axis = 0; axis + 1 < y.size(); ++axis)
      if (y[axis].strides[0] % vector != 0) return false;
    return true;
  };
  while (vector > 1 && !fits()) vector /= 2;
  return vector;
}

}  // namespace

std::unique_ptr<OpPlan> plan_gathering(const flame::Op &op, uint32_t x_number,
                                       uint32_t indices_number, size_t axis) {
  const flame_tensor &x = op.input(x_number);
  const flame_tensor &indices = op.input(indices_number);
  const flame_tensor &y = op.output(0);
  const Sizes sizes = sizes_of(x);
  const Sizes strides = strides_of(x);
  const Axes outer = merged_axes(part(sizes, 0, axis), {part(strides, 0, axis)});
  const Axes inner =
      merged_axes(part(sizes, axis + 1, sizes.size()), {part(strides, axis + 1, sizes.size())});
  const Axes places = merged_axes(sizes_of(indices), {strides_of(indices)});
  const Axes answer = merged_axes(sizes_of(y), {strides_of(y)});
  const int64_t count = element_count(answer);
  const int64_t vector =
      vector_of(y.dtype, element_count(inner), inner, outer, strides[axis], answer);
  Definitions made;
  made.line(index_types(needs_wide_index(answer) || needs_wide_index(outer) ||
                        needs_wide_index(inner) || needs_wide_index(places)));
  made.type("T", y.dtype).type("I", indices.dtype);
  made.number("kChoices", std::max<int64_t>(element_count(places), 1));
  made.number("kInner", std::max<int64_t>(element_count(inner), 1));
  made.number("kSize", sizes[axis])
      .line(flame::text("constexpr long long kStep = ", strides[axis], "ll;"));
  made.line(offset_function("offset_y", answer, 0)).line(offset_function("outer_x", outer, 0));
  made.line(offset_function("inner_x", inner, 0)).line(offset_function("place_of", places, 0));
  made.number("kVector", vector).number("kThreads", kThreads);
  auto plan = std::make_unique<KernelPlan>();
  KernelLaunch launch;
  launch.source = {"gather.cu", made.text(), "gather"};
  launch.threads = kThreads;
  launch.blocks = block_count(count, kThreads * vector);
  launch.arguments = {input_argument(x_number), input_argument(indices_number), output_argument(0),
                      number_argument(count)};
  plan->add(std::move(launch));
  return plan;
}

}  // namespace flame::cuda
