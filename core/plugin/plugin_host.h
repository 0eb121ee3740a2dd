// From an installed plugin to a started one: every check in its order, and the stop at the end.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/child_process.h"
#include "core/base/result.h"
#include "core/plugin/catalogue.h"
#include "core/plugin/lock.h"
#include "core/plugin/verdict_cache.h"
#include "flame/entry.h"

namespace flame {

class TrustedLibrary;

// A plugin between start() and stop(). Owned by its PluginHost, and as long alive.
class StartedPlugin {
 public:
  const PluginSpec &spec() const { return spec_; }
  const std::string &id() const { return spec_.id; }
  const std::filesystem::path &library() const { return library_; }
  const std::string &sha256() const { return sha256_; }

  // The plugin's interface of that id ("flame.optimizer/1"), or null; not looked at.
  const void *query(std::string_view interface_id) const;

 private:
  friend class PluginHost;
  PluginSpec spec_;
  std::filesystem::path library_;  // without symbolic links
  std::string sha256_;
  const flame_plugin *table_ = nullptr;
};

// A component that can be used: its plugin is started, its kind's interface was checked.
struct StartedComponent {
  const StartedPlugin *plugin;
  const ComponentSpec *component;  // of the started plugin
  const void *interface;

  // The interface as the type that belongs to the kind, such as flame_optimizer_interface.
  template <typename Table>
  const Table &table() const {
    return *static_cast<const Table *>(interface);
  }
};

// Starts plugins and keeps them. One for a process; [one thread]. Libraries are never unloaded.
class PluginHost {
 public:
  struct Settings {
    std::optional<PluginLock> lock;  // if there is one, what is not in it is refused
    VerdictCache verdicts = VerdictCache::of_user();
    ChildLimits trial;  // of the child that starts an unknown library first
  };

  explicit PluginHost(Settings settings);
  // Stops all plugins, the last started first. Everything that they created was destroyed before,
  // and every device was synced.
  ~PluginHost();
  PluginHost(const PluginHost &) = delete;
  PluginHost &operator=(const PluginHost &) = delete;

  // Starts the plugin, or gives the one that is started. In this order: owner, mode and hash
  // (core/plugin/trust.h), the lock, the ELF file, a start in a child if no library with this hash
  // has ever started, and then the same in this process. Until that last step no code of the plugin
  // runs here. Errors are those of core/plugin/probe.h and name file, reason and what to do.
  Result<const StartedPlugin *> start(const InstalledPlugin &plugin);

  // The same, and the interface of the component's kind.
  Result<StartedComponent> start(const Catalogue::Match &match);

  // All that are started, in the order of their start.
  std::vector<const StartedPlugin *> started() const;

 private:
  Result<std::unique_ptr<StartedPlugin>> start_here(const InstalledPlugin &plugin,
                                                    const TrustedLibrary &library) const;

  Settings settings_;
  std::vector<std::unique_ptr<StartedPlugin>> started_;  // in the order of their start
};

}  // namespace flame
