// geglu: y[…, i] = x[…, i] · activation(x[…, c/2 + i]).
#include "backends/onednn/halves.h"
#include "flame/op_checks.hpp"

namespace flame::onednn {

std::unique_ptr<OpPlan> plan_geglu(const flame::Op &op) {
  expect_attributes(op, {"activation"});
  const std::string_view activation = op.attributes().string("activation");
  if (activation != "gelu" && activation != "gelu_tanh" && activation != "silu")
    throw flame::unsupported("geglu with the activation '", activation, "' is not known here");
  const auto [value, gate] = two_views(0, op.input(0), false);
  ElementwiseWork work;
  work.shape = half_shape(op.input(0));
  work.inputs = {value, gate};
  work.outputs = {whole_view(0, op.output(0), work.shape)};
  return plan_elementwise(flame::text(activation, " x1; mul x0 t0"), std::move(work));
}

}  // namespace flame::onednn
