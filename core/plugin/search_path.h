// Where plugins are looked for.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace flame {

// The folders in the order in which they are searched:
//  1. `asked_for`, the values of --plugin-path; a relative one starts at the current folder,
//  because
//     the user wrote it there and then;
//  2. FLAME_PLUGIN_PATH, separated by ':';
//  3. ~/.local/lib/flamehost/plugins;
//  4. the installation, ../lib/flamehost/plugins from the program's own folder. The build tree has
//     the same layout (bin/flamehost, lib/flamehost/plugins), so that it works uninstalled.
// The current folder is never searched by itself: empty and relative entries of FLAME_PLUGIN_PATH
// are passed over with a warning. A program with more rights than its user passes over 2, and takes
// the home folder of 3 from the system's list of users.
std::vector<std::filesystem::path> plugin_folders(std::span<const std::string> asked_for);

// The user's folder for what can be made again, $XDG_CACHE_HOME/flamehost or ~/.cache/flamehost;
// empty if there is none.
std::filesystem::path cache_folder();

}  // namespace flame
