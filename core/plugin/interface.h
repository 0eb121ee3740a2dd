// The interface that stands behind each kind of component, and what its table must hold.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "flame/entry.h"

namespace flame {

// "optimizer" → "flame.optimizer/1".
std::string interface_id(std::string_view kind);

// Asks a started plugin for the interface of a kind. The table is there, long enough for the first
// minor version of the contract, and none of that version's functions is null; of a kind that this
// host does not know, it is only there. Errors (kBadPlugin) name the plugin and the function.
Result<const void *> query_interface(const flame_plugin &plugin, std::string_view kind);

}  // namespace flame
