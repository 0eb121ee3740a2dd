// geglu: one half of the channels, gated by the other half.
#include "backends/cuda/halves.h"
#include "flame/op_checks.hpp"

namespace flame::cuda {

std::unique_ptr<OpPlan> plan_geglu(const flame::Op &op, const Target &) {
  expect_attributes(op, {"activation"});
  const flame_tensor &x = op.input(0);
  const Sizes shape = half_shape(x);
  const ElementwiseWork work = {shape,
                                {half_view(0, x, 0, false), half_view(0, x, 1, false)},
                                {whole_view(0, op.output(0), shape)}};
  return plan_elementwise(flame::text(op.attributes().string("activation"), " x1; mul x0 t0"),
                          work);
}

}  // namespace flame::cuda
