// Names for the layers that people mean: "attention", for example.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/program/program.h"

namespace flame {

// attention: the projections to and from queries, keys and values, as diffusers, transformers and the
// original Flux call them. attention+ff: with the feed-forward layers. all-linear, and all: with
// convolutions too. The names of those layers of the program; nothing if `preset` is none of these.
std::optional<std::vector<std::string>> preset_layers(std::string_view preset,
                                                      const Program &program);

}  // namespace flame
