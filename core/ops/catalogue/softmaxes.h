// What softmax, its logarithm and their gradients share.
#pragma once

#include "core/ops/catalogue/op_definition.h"

namespace flame {

// The answer is like operand 0, which is computed along the attribute "axis".
Status infer_softmax(OpCall &call);
// Of dy and y, alike.
Status infer_softmax_grad(OpCall &call);

}  // namespace flame
