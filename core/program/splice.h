// One program inside another.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/program/program_builder.h"

namespace flame {

using NamedValues = std::map<std::string, ValueId, std::less<>>;

// Adds every op of `part`. Its inputs in `bound` are those values of the builder; its other inputs get
// `input_prefix` in front of their names, and its parameters `parameter_prefix`. Gives the values of
// its outputs, which are none of the builder's yet. Errors stay in the builder.
NamedValues splice(const Program &part, ProgramBuilder &builder, const NamedValues &bound,
                   std::string_view input_prefix, std::string_view parameter_prefix);

}  // namespace flame
