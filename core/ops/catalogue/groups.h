// Channels in groups: what group_norm and its gradient share.
#pragma once

#include "core/ops/catalogue/terms.h"

namespace flame {

// x [n, …, c] as [n, places, groups, c / groups], its statistics [n, groups] and its weights [c] so
// that they broadcast to it.
struct Grouped {
  Shape whole;
  Shape statistics;
  Shape weights;
  Axes axes{1, 3};  // over which a group is normalised

  Grouped(const Shape &x, int64_t groups);
};

// "groups" and "activation".
std::vector<AttributeSpec> group_attributes();
Status check_groups(const OpCall &call, size_t input);

}  // namespace flame
