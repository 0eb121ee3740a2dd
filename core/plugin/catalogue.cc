#include "core/plugin/catalogue.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "core/base/suggest.h"
#include "core/base/terminal.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

// A reference taken apart; `plugin` is empty in the short form.
struct Reference {
  std::string_view plugin;
  std::string_view component;
};

Reference split(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {{}, text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

fs::path real_path(const fs::path &path) {
  std::error_code failed;
  const fs::path real = fs::weakly_canonical(path, failed);
  return failed ? path : real;
}

bool is_manifest(const fs::path &file) {
  const std::string name = file.filename().string();
  return name.size() > kManifestSuffix.size() && name.ends_with(kManifestSuffix);
}

Result<std::vector<fs::path>> manifests_in(const fs::path &folder) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) return std::vector<fs::path>();
  std::vector<fs::path> files;
  fs::directory_iterator entry(folder, failed);
  while (!failed && entry != fs::directory_iterator()) {
    if (is_manifest(entry->path())) files.push_back(entry->path());
    entry.increment(failed);
  }
  if (failed) {
    return plugin_error(
        fmt::format("{}: cannot list the plugin folder: {}", folder.string(), failed.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<InstalledPlugin> read_installed(const fs::path &file) {
  FLAME_ASSIGN(Manifest manifest, read_manifest(file));
  const fs::path library = file.parent_path() / manifest.library;
  std::error_code failed;
  if (!fs::exists(library, failed)) {
    return plugin_error(
        fmt::format("{}: the library '{}' is not beside it", file.string(), manifest.library),
        "install the plugin again, or remove this file");
  }
  return InstalledPlugin{std::move(manifest), file, library};
}

std::string list_of(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Catalogue::Catalogue(std::vector<InstalledPlugin> plugins, std::vector<BrokenManifest> broken)
    : plugins_(std::move(plugins)), broken_(std::move(broken)) {
  std::stable_sort(
      plugins_.begin(), plugins_.end(), [](const InstalledPlugin &a, const InstalledPlugin &b) {
        return std::tie(a.spec().id, a.library_file) < std::tie(b.spec().id, b.library_file);
      });
}

Catalogue Catalogue::scan(const std::vector<fs::path> &folders) {
  std::vector<InstalledPlugin> plugins;
  std::vector<BrokenManifest> broken;
  std::set<fs::path> seen;
  for (const fs::path &folder : folders) {
    if (!seen.insert(real_path(folder)).second) continue;
    Result<std::vector<fs::path>> files = manifests_in(folder);
    if (!files.ok()) {
      broken.push_back({folder, files.error()});
      continue;
    }
    for (const fs::path &file : *files) {
      Result<InstalledPlugin> plugin = read_installed(file);
      if (plugin.ok()) {
        plugins.push_back(std::move(*plugin));
      } else {
        broken.push_back({file, plugin.error()});
      }
    }
  }
  return Catalogue(std::move(plugins), std::move(broken));
}

Status Catalogue::pin(std::string_view plugin_id, const fs::path &file) {
  std::vector<std::string> files;
  std::vector<std::string> ids;
  bool found = false;
  const fs::path wanted = real_path(file);
  for (const InstalledPlugin &plugin : plugins_) {
    ids.push_back(plugin.spec().id);
    if (plugin.spec().id != plugin_id) continue;
    files.push_back(plugin.library_file.string());
    found = found || real_path(plugin.library_file) == wanted;
  }
  const std::string id = printable(plugin_id);
  if (files.empty()) {
    return plugin_error(fmt::format("no plugin '{}' is installed, so it cannot be pinned", id),
                        did_you_mean(plugin_id, ids));
  }
  if (!found) {
    return plugin_error(fmt::format("the plugin '{}' is pinned to {}, which is not among the "
                                    "installed: {}",
                                    id, printable(file.string()), list_of(files)),
                        "pin one of these files, or add its folder with --plugin-path");
  }
  std::erase_if(plugins_, [&](const InstalledPlugin &plugin) {
    return plugin.spec().id == plugin_id && real_path(plugin.library_file) != wanted;
  });
  return {};
}

std::vector<Catalogue::Match> Catalogue::matches(std::string_view kind,
                                                 std::string_view reference) const {
  const Reference wanted = split(reference);
  std::vector<Match> found;
  for (const InstalledPlugin &plugin : plugins_) {
    if (!wanted.plugin.empty() && plugin.spec().id != wanted.plugin) continue;
    for (const ComponentSpec &component : plugin.spec().components) {
      if (component.kind == kind && component.id == wanted.component) {
        found.push_back({&plugin, &component});
      }
    }
  }
  return found;
}

std::vector<const InstalledPlugin *> Catalogue::files_of(std::string_view plugin_id) const {
  std::vector<const InstalledPlugin *> files;
  for (const InstalledPlugin &plugin : plugins_) {
    if (plugin.spec().id == plugin_id) files.push_back(&plugin);
  }
  return files;
}

Result<Catalogue::Match> Catalogue::find(std::string_view kind, std::string_view reference) const {
  const std::vector<Match> found = matches(kind, reference);
  if (found.empty()) return not_found(kind, reference);
  const std::string name = printable(reference);
  // One plugin in two files comes first: naming the plugin would not settle it.
  for (const Match &match : found) {
    const std::string &id = match.plugin->spec().id;
    const std::vector<const InstalledPlugin *> files = files_of(id);
    if (files.size() < 2) continue;
    std::string text = fmt::format("{} '{}': the plugin '{}' is installed {} times:", kind, name,
                                   id, files.size());
    for (const InstalledPlugin *file : files) {
      text += fmt::format("\n    {} (version {}, described by {})", file->library_file.string(),
                          file->spec().version, file->manifest_file.filename().string());
    }
    return plugin_error(text, fmt::format("remove all but one, or pin one in the pipeline file: "
                                          "plugins: {{{}: {}}}",
                                          id, files.front()->library_file.string()));
  }
  if (found.size() == 1) return found.front();
  std::string text = fmt::format("{} '{}' is offered by {} plugins:", kind, name, found.size());
  for (const Match &match : found) {
    text += fmt::format("\n    {}/{} in {}", match.plugin->spec().id, match.component->id,
                        match.plugin->library_file.string());
  }
  return plugin_error(text,
                      fmt::format("write which one: use: {}/{}", found.front().plugin->spec().id,
                                  found.front().component->id));
}

Error Catalogue::not_found(std::string_view kind, std::string_view reference) const {
  const std::string name = printable(reference);
  std::vector<std::string> other_kinds;
  for (const InstalledPlugin &plugin : plugins_) {
    for (const ComponentSpec &component : plugin.spec().components) {
      if (component.id == split(reference).component && component.kind != kind) {
        other_kinds.push_back(component.kind);
      }
    }
  }
  const std::vector<std::string> known = references(kind);
  std::string text = fmt::format("no {} '{}' is installed", kind, name);
  if (!other_kinds.empty()) {
    text += fmt::format("; '{}' is of the kind {}", name, other_kinds.front());
  }
  std::string hint = did_you_mean(reference, known);
  if (hint.empty()) {
    hint = known.empty() ? fmt::format("no plugin of the kind {} is installed", kind)
                         : fmt::format("installed: {}", list_of(known));
  }
  if (!broken_.empty()) {
    hint += fmt::format(
        "; {} cannot be used, see `flamehost plugins list`",
        broken_.size() == 1 ? "1 manifest" : fmt::format("{} manifests", broken_.size()));
  }
  return plugin_error(std::move(text), std::move(hint));
}

std::vector<std::string> Catalogue::references(std::string_view kind) const {
  std::vector<std::string> names;
  for (const InstalledPlugin &plugin : plugins_) {
    if (files_of(plugin.spec().id).size() > 1) continue;
    for (const ComponentSpec &component : plugin.spec().components) {
      if (component.kind != kind) continue;
      if (matches(kind, component.id).size() == 1) names.push_back(component.id);
      names.push_back(plugin.spec().id + "/" + component.id);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace flame
