// What pool2d and pool2d_grad share.
#pragma once

#include "core/ops/catalogue/op_definition.h"

namespace flame {

std::vector<AttributeSpec> pooling_attributes();

// Checks the attributes for images of `height` by `width`, fills in what is derived, and gives the
// sizes [h', w'] of the pooled image.
Result<std::array<int64_t, 2>> pooled_size(OpCall &call, int64_t height, int64_t width);

}  // namespace flame
