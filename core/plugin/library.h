// Opens plugin libraries and calls their entry.
#pragma once

#include <filesystem>

#include "core/base/result.h"
#include "flame/entry.h"

namespace flame {

using PluginEntry = const flame_plugin *(*)(const flame_host *host);

// Loads the library by its absolute path, all symbols resolved at once and none of them visible to
// others, and finds its entry. Errors (kBadPlugin) carry the loader's own words.
//
// A library that was opened stays open until the process ends, whatever comes of it: unloading is
// where libraries crash. [init; only for files that passed core/plugin/trust.h, and in the host's
// own process only if a child has started them before]
Result<PluginEntry> load_plugin_library(const std::filesystem::path &file);

// Calls the entry. The table is not null, and lives as long as the process; read_descriptor() looks
// at what is in it. The error (kBadPlugin) carries the plugin's own reason. [init]
Result<const flame_plugin *> enter_plugin(PluginEntry entry, const flame_host &host,
                                          const std::filesystem::path &file);

}  // namespace flame
