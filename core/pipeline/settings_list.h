// A pipeline's settings as one flat list, and what differs between two of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/pipeline/pipeline.h"

namespace flame {

// Every option that has a value, defaults too, by its place in the file: "train.optimizer.lr". What
// `use:` names is PLUGIN/COMPONENT, or the built-in component. An object of scalars and lists.
Json settings_list(const Pipeline &pipeline);

struct ChangedSetting {
  std::string key;
  std::string before, after;  // "unset" where one has no value

  // "train.batch: 1 -> 2"
  std::string text() const;
};

// In the order of `after`, then what only `before` has. Both are objects.
std::vector<ChangedSetting> changed_settings(const Json &before, const Json &after);

// True if a training of this pipeline that goes on may have another value of it: what changes none
// of the steps, or names files whose contents are compared for themselves.
bool may_change_freely(const Pipeline &pipeline, std::string_view key);

}  // namespace flame
