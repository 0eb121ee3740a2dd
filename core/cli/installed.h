// The plugins that this run of the program can see.
#pragma once

#include <filesystem>
#include <vector>

#include "core/cli/command.h"
#include "core/plugin/catalogue.h"

namespace flame::cli {

// The folders of --plugin-path first, then the standard ones, in the order in which they are
// searched.
std::vector<std::filesystem::path> plugin_folders(const Arguments &arguments);

// Scans them. Runs no plugin's code.
Catalogue installed_catalogue(const Arguments &arguments);

}  // namespace flame::cli
