// From a text to tokens, as transformers' CLIPTokenizerFast makes them.
#pragma once

#include <string_view>
#include <vector>

#include "plugins/models/clip/vocabulary.h"

namespace clip {

// The tokens of the whole text, without begin and end but for those that it spells out. Throws
// INVALID_ARGUMENT for a text that is no UTF-8. Time grows with n log n at most.
std::vector<int64_t> encode(const Vocabulary &vocabulary, std::string_view text);

}  // namespace clip
