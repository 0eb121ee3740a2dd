// What tells one model's weights from another's, without reading all of them.
#pragma once

#include <string>

#include "core/io/weight_match.h"

namespace flame {

// 64 hexadecimal digits of the model, its layout's tensors, and pieces of each tensor's data: its
// first and last 4 KiB and one in the middle. Files that differ only in between are taken for equal:
// training and merging change every tensor everywhere. Errors: kStorage.
Result<std::string> weight_fingerprint(const WeightMatch &match);

}  // namespace flame
