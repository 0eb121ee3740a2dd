#include "core/cli/installed.h"

#include "core/plugin/search_path.h"

namespace flame::cli {

std::vector<std::filesystem::path> plugin_folders(const Arguments &arguments) {
  return flame::plugin_folders(arguments.all("--plugin-path"));
}

Catalogue installed_catalogue(const Arguments &arguments) {
  return Catalogue::scan(plugin_folders(arguments));
}

}  // namespace flame::cli
