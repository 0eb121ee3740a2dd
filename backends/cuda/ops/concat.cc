// concat: tensors one behind the other along an axis; a copy of each.
#include "backends/cuda/checks.h"
#include "backends/cuda/elementwise.h"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_concat(const flame::Op &op, const Target &) {
  expect_attributes(op, {"axis"});
  const flame_tensor &y = op.output(0);
  const auto axis = static_cast<size_t>(op.attributes().integer("axis"));
  auto plan = std::make_unique<KernelPlan>();
  int64_t before = 0;
  for (uint32_t i = 0; i < op.input_count(); ++i) {
    const flame_tensor &x = op.input(i);
    const Sizes shape = sizes_of(x);
    const ElementwiseView part = {0, y.dtype, strides_of(y), before * y.strides[axis]};
    plan->add(elementwise_launch("-> x0", {shape, {whole_view(i, x, shape)}, {part}}));
    before += x.shape[axis];
  }
  return plan;
}

}  // namespace flame::cuda
