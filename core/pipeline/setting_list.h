// A checked pipeline as a list of settings: what was given, and what was taken where nothing was.
#pragma once

#include <string>
#include <vector>

#include "core/pipeline/pipeline.h"

namespace flame {

struct Setting {
  std::string key;    // "train.optimizer.lr"
  std::string value;  // as it would stand in the file
};

// In the order of the sections; `use:` comes first in each.
std::vector<Setting> settings_of(const ResolvedSection &root);

}  // namespace flame
