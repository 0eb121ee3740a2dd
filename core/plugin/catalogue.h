// Everything installed, as its manifests say: read without running any plugin's code.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/manifest.h"

namespace flame {

// A plugin whose manifest was read. The library itself was not opened.
struct InstalledPlugin {
  Manifest manifest;
  std::filesystem::path manifest_file;
  std::filesystem::path library_file;

  const PluginSpec &spec() const { return manifest.spec; }
};

// A manifest that could not be used, and why.
struct BrokenManifest {
  std::filesystem::path file;
  Error error;
};

// What `use:` may name. A reference is COMPONENT ("adamw") or PLUGIN/COMPONENT
// ("org.example.fast/adamw").
class Catalogue {
 public:
  struct Match {
    const InstalledPlugin *plugin;
    const ComponentSpec *component;
  };

  Catalogue() = default;
  Catalogue(std::vector<InstalledPlugin> plugins, std::vector<BrokenManifest> broken);

  // Reads every NAME.flame.json in the folders, in their order. A folder that does not exist, or
  // was read already under another name, is passed over. A manifest that is wrong, or whose library
  // is missing, is kept as broken and hides nothing else.
  static Catalogue scan(const std::vector<std::filesystem::path> &folders);

  // Keeps, of all plugins with this id, only the one whose library is `file`. Error: no such
  // plugin, no such file.
  Status pin(std::string_view plugin_id, const std::filesystem::path &file);

  // The one component that a reference names. Errors (kBadPlugin): none, with the nearest ids and,
  // if a component of that id exists for another kind, that; or several, with the files of all and
  // how to choose. A second file with the same plugin id, not pinned, counts as several.
  Result<Match> find(std::string_view kind, std::string_view reference) const;

  // Sorted by plugin id, then file.
  const std::vector<InstalledPlugin> &plugins() const { return plugins_; }
  const std::vector<BrokenManifest> &broken() const { return broken_; }
  // The references that find() would take for a kind, short and long forms, sorted.
  std::vector<std::string> references(std::string_view kind) const;

 private:
  std::vector<Match> matches(std::string_view kind, std::string_view reference) const;
  std::vector<const InstalledPlugin *> files_of(std::string_view plugin_id) const;
  Error not_found(std::string_view kind, std::string_view reference) const;

  std::vector<InstalledPlugin> plugins_;
  std::vector<BrokenManifest> broken_;
};

}  // namespace flame
