// The parameters of a model by name: what its own code for programs asks for, without a host.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "flame/plugin.hpp"

namespace models {

using ParameterList = std::map<std::string, flame::Shape, std::less<>>;

// Runs `build` on a program that only notes its parameters and adds their names and shapes to
// `list`. Values have no shape there: code that asks for one fails.
void list_parameters(ParameterList &list, const std::function<void(flame::Program &)> &build);

}  // namespace models
