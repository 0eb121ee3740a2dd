#include "core/plugin/search_path.h"

#include <fmt/core.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "core/base/log.h"
#include "core/base/terminal.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr const char *kPluginsBelowPrefix = "lib/flamehost/plugins";

// The value of an environment variable, or "" if it is unset or not to be believed.
std::string_view environment(const char *name) {
  const char *value = secure_getenv(name);
  return value ? value : "";
}

fs::path home_folder() {
  const fs::path home = environment("HOME");
  if (home.is_absolute()) return home;
  const passwd *user = getpwuid(geteuid());
  return user && user->pw_dir ? user->pw_dir : "";
}

void add_from_environment(std::vector<fs::path> &folders) {
  std::string_view rest = environment("FLAME_PLUGIN_PATH");
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    const fs::path folder = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon + 1, rest.size()));
    if (folder.is_absolute()) {
      folders.push_back(folder);
    } else if (!folder.empty()) {
      log::warning(fmt::format("FLAME_PLUGIN_PATH: '{}' is passed over: it is not absolute",
                               printable(folder.string())));
    }
  }
}

fs::path installation() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  return program.parent_path().parent_path() / kPluginsBelowPrefix;
}

}  // namespace

std::vector<fs::path> plugin_folders(std::span<const std::string> asked_for) {
  std::vector<fs::path> folders;
  for (const std::string &folder : asked_for) {
    std::error_code failed;
    const fs::path absolute = fs::absolute(folder, failed);
    if (!folder.empty() && !failed) folders.push_back(absolute.lexically_normal());
  }
  add_from_environment(folders);
  if (const fs::path home = home_folder(); home.is_absolute()) {
    folders.push_back(home / ".local" / kPluginsBelowPrefix);
  }
  if (const fs::path installed = installation(); !installed.empty()) folders.push_back(installed);
  return folders;
}

fs::path cache_folder() {
  const fs::path cache = environment("XDG_CACHE_HOME");
  if (cache.is_absolute()) return cache / "flamehost";
  const fs::path home = home_folder();
  return home.is_absolute() ? home / ".cache" / "flamehost" : fs::path();
}

}  // namespace flame
