// The words of the shell's completion that depend on what is installed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cli/command.h"

namespace flame::cli {

// "commands": all of them, as "plugins list"; "components": what `use:` may name and `plugins
// inspect` takes; "settings": the keys of --set, as "train.steps="; "templates": what `init` takes.
std::vector<std::string> completion_words(std::string_view kind, const Arguments &arguments);

}  // namespace flame::cli
