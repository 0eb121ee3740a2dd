#include "core/ops/catalogue/groups.h"

#include <fmt/core.h>

#include "core/ops/catalogue/checks.h"

namespace flame {

Grouped::Grouped(const Shape &x, int64_t groups) {
  int64_t places = 1;
  for (size_t axis = 1; axis + 1 < x.rank(); ++axis) places *= x[axis];
  const int64_t members = x.back(0) / groups;
  whole = {x[0], places, groups, members};
  statistics = {x[0], 1, groups, 1};
  weights = {groups, members};
}

std::vector<AttributeSpec> group_attributes() {
  return {{"groups", AttributeKind::kInt, std::nullopt, "divides the channels"},
          {"activation", AttributeKind::kString, std::string(),
           "\"silu\": applied to y at the end; absent: none"}};
}

Status check_groups(const OpCall &call, size_t input) {
  FLAME_TRY(expect_rank_at_least(call, input, 2));
  FLAME_TRY(expect_range(call, "groups", 1, kMaxElementCount));
  FLAME_TRY(expect_choice(call, "activation", {"", "silu"}));
  const int64_t groups = call.attributes.integer("groups");
  const int64_t channels = call.shape(input).back(0);
  if (channels > 0 && channels % groups == 0) return {};
  return operand_error(call, input, fmt::format("channels that {} groups divide", groups));
}

}  // namespace flame
