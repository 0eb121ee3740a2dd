// The only file that sees Boost.DLL's headers.
#include "core/plugin/library.h"

#include <fmt/core.h>

#include <boost/dll/shared_library.hpp>
#include <exception>
#include <type_traits>
#include <vector>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/plugin/host_services.h"

namespace flame {
namespace {

using Entry = std::remove_pointer_t<PluginEntry>;

// Never destroyed, so that nothing is unloaded at exit.
std::vector<boost::dll::shared_library> &kept_open() {
  static auto &libraries = *new std::vector<boost::dll::shared_library>;
  return libraries;
}

// What to do, guessed from what the loader said.
std::string hint_for(std::string_view reason) {
  if (reason.find("cannot open shared object file") != std::string_view::npos) {
    return "install the library that it needs, then try again";
  }
  if (reason.find("undefined symbol") != std::string_view::npos) {
    return "the plugin is incomplete: its author links it with -Wl,-z,defs to see what is missing";
  }
  if (reason.find("version `") != std::string_view::npos) {
    return "the plugin was built on a newer system: install a build for this one";
  }
  return "install the plugin again";
}

}  // namespace

Result<PluginEntry> load_plugin_library(const std::filesystem::path &file) {
  const std::string name = printable(file.string());
  PluginEntry entry = nullptr;
  try {
    using boost::dll::load_mode::rtld_local;
    using boost::dll::load_mode::rtld_now;
    boost::dll::shared_library library(file, rtld_now | rtld_local);
    if (library.has(FLAME_ENTRY_SYMBOL)) entry = &library.get<Entry>(FLAME_ENTRY_SYMBOL);
    kept_open().push_back(std::move(library));
  } catch (const std::exception &failure) {
    const std::string reason = printable(failure.what());
    return plugin_error(fmt::format("{}: cannot be loaded: {}", name, reason), hint_for(reason));
  }
  if (entry) return entry;
  return plugin_error(
      fmt::format("{}: the symbol {} is not there or null", name, FLAME_ENTRY_SYMBOL),
      "export that one function: sdk/template has a plugin of each kind");
}

Result<const flame_plugin *> enter_plugin(PluginEntry entry, const flame_host &host,
                                          const std::filesystem::path &file) {
  const flame_plugin *plugin = entry(&host);
  if (plugin) return plugin;
  const std::string said = printable(last_message(host));
  return plugin_error(
      fmt::format("{}: the plugin refuses this host ({} {}, version {}.{} of the contract): {}",
                  printable(file.string()), text_of(host.name), text_of(host.version),
                  FLAME_ABI_MAJOR, host.minor,
                  said.empty() ? "its entry returned null without saying why" : said),
      "install the build of the plugin that fits this host, or update flamehost");
}

}  // namespace flame
