#include "core/ops/catalogue/softmaxes.h"

#include "core/ops/catalogue/checks.h"

namespace flame {

Status infer_softmax(OpCall &call) {
  FLAME_TRY(expect_computable(call, 0));
  FLAME_ASSIGN([[maybe_unused]] const size_t axis, normal_axis(call, "axis", call.shape(0).rank()));
  call.outputs = {call.inputs[0]};
  return {};
}

Status infer_softmax_grad(OpCall &call) {
  FLAME_TRY(expect_one_float_type(call));
  FLAME_TRY(expect_shape(call, 1, call.shape(0)));
  return infer_softmax(call);
}

}  // namespace flame
