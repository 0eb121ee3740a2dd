// What the entry keeps of the host: the only mutable state of the glue.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "flame/entry.h"
#include "flame/error.hpp"
#include "flame/host.h"

namespace flame {
inline namespace sdk {
namespace detail {

struct Component;

// Written by the entry alone, before anything else of the plugin runs.
struct Globals {
  const flame_host *host = nullptr;
  const flame_log *log = nullptr;
  const flame_files *files = nullptr;
  const std::vector<Component> *components = nullptr;
  std::set<std::string> *device_texts = nullptr;  // see backend.hpp; used by [init] calls alone
};

// Hidden: two plugins of one process must never share it, whatever the flags of their builds.
__attribute__((visibility("hidden"))) inline Globals globals;

}  // namespace detail

// A service of the host by its id, or null if this host does not offer it. Valid until the process
// ends. For the ids of the contract, Service is the struct of that name. [any]
template <typename Service>
const Service *find_service(std::string_view id) noexcept {
  const flame_host *host = detail::globals.host;
  return host ? static_cast<const Service *>(host->query(host, borrow(id))) : nullptr;
}

}  // namespace sdk
}  // namespace flame
