// What this host gives to plugins: the flame_host table with its log and its files.
#pragma once

#include <string>
#include <string_view>

#include "flame/entry.h"
#include "flame/host.h"

namespace flame {

// The host as one plugin sees it; `plugin_id` stands in front of what it logs. Lives until the
// process ends, as the contract promises. [init]
const flame_host &host_for(std::string_view plugin_id);

// The last event of level warning or error that the plugin wrote through that table's flame.log/1,
// or "". [any]
std::string last_message(const flame_host &host);

// flame.files/1 of this host, the same for every plugin.
const flame_files &host_files();

}  // namespace flame
