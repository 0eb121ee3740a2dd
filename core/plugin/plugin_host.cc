#include "core/plugin/plugin_host.h"

#include <fmt/core.h>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/log.h"
#include "core/plugin/elf.h"
#include "core/plugin/host_services.h"
#include "core/plugin/interface.h"
#include "core/plugin/library.h"
#include "core/plugin/probe.h"
#include "core/plugin/trust.h"

namespace flame {

const void *StartedPlugin::query(std::string_view interface_id) const {
  return table_->query(flame_text(interface_id));
}

PluginHost::PluginHost(Settings settings) : settings_(std::move(settings)) {}

PluginHost::~PluginHost() {
  for (; !started_.empty(); started_.pop_back()) started_.back()->table_->stop();
}

std::vector<const StartedPlugin *> PluginHost::started() const {
  std::vector<const StartedPlugin *> list;
  for (const auto &plugin : started_) list.push_back(plugin.get());
  return list;
}

Result<const StartedPlugin *> PluginHost::start(const InstalledPlugin &plugin) {
  FLAME_ASSIGN(const TrustedLibrary library, TrustedLibrary::open(plugin.library_file));
  FLAME_TRY(library.check_hash(plugin.manifest.sha256, plugin.manifest_file.string()));
  if (settings_.lock) FLAME_TRY(settings_.lock->check(plugin, library.sha256()));
  for (const auto &started : started_) {
    if (started->library_ == library.path() && started->sha256_ == library.sha256()) {
      return started.get();
    }
  }
  const std::string name = library.path().string();
  FLAME_ASSIGN(const ElfLibrary elf, read_elf(library.descriptor(), name));
  FLAME_TRY(check_plugin_library(elf, name));
  if (!settings_.verdicts.has_started(library.sha256())) {
    log::debug(fmt::format("{}: never started before; trying it in a child process", name));
    FLAME_TRY(probe_library(library.path(), plugin.manifest, settings_.trial));
    FLAME_TRY(library.unchanged());
    settings_.verdicts.remember_start(library.sha256(), plugin.spec().id);
  }
  FLAME_ASSIGN(std::unique_ptr<StartedPlugin> started, start_here(plugin, library));
  started_.push_back(std::move(started));
  return started_.back().get();
}

Result<std::unique_ptr<StartedPlugin>> PluginHost::start_here(const InstalledPlugin &plugin,
                                                              const TrustedLibrary &library) const {
  FLAME_TRY(library.unchanged());
  FLAME_ASSIGN(const PluginEntry entry, load_plugin_library(library.path()));
  FLAME_TRY(library.unchanged());
  const std::string &id = plugin.spec().id;
  FLAME_ASSIGN(const flame_plugin *table, enter_plugin(entry, host_for(id), library.path()));
  FLAME_ASSIGN(PluginSpec spec, read_descriptor(*table));
  FLAME_TRY(compare_with_manifest({spec, table->minor}, plugin.manifest, library.path()));
  CallScope scope(id, "start()");
  FLAME_TRY(scope.finish(table->start(scope.call())));
  auto started = std::make_unique<StartedPlugin>();
  started->spec_ = std::move(spec);
  started->library_ = library.path();
  started->sha256_ = library.sha256();
  started->table_ = table;
  return started;
}

Result<StartedComponent> PluginHost::start(const Catalogue::Match &match) {
  FLAME_ASSIGN(const StartedPlugin *plugin, start(*match.plugin));
  for (const ComponentSpec &component : plugin->spec().components) {
    if (component.kind != match.component->kind || component.id != match.component->id) continue;
    FLAME_ASSIGN(const void *interface, query_interface(*plugin->table_, component.kind));
    return StartedComponent{plugin, &component, interface};
  }
  return plugin_error(fmt::format("plugin '{}': has no {} '{}'", plugin->id(),
                                  match.component->kind, match.component->id));
}

}  // namespace flame
