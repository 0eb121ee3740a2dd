#include "core/plugin/lock.h"

#include <fmt/core.h>

#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/plugin/json_members.h"
#include "core/plugin/trust.h"

namespace flame {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kLockFormat = 1;
constexpr size_t kMaxLockBytes = 1u << 20;

}  // namespace

Result<PluginLock> PluginLock::read(const fs::path &file) {
  constexpr const char *kHint = "write it again with `flamehost plugins lock`";
  PluginLock lock;
  lock.name_ = file.string();
  const Result<std::string> text = read_file(file, kMaxLockBytes);
  if (!text.ok()) return plugin_error(text.error().what, kHint);
  const Result<Json> json = parse_json(*text, lock.name_, {kMaxLockBytes, 8});
  if (!json.ok()) return plugin_error(json.error().what, kHint);
  FLAME_ASSIGN(JsonMembers in, JsonMembers::open(*json, lock.name_));
  FLAME_ASSIGN(const uint32_t format, in.number("plugins_lock"));
  if (format != kLockFormat) {
    return in.error(
        fmt::format("\"plugins_lock\": format {}; this host reads format {}", format, kLockFormat));
  }
  FLAME_TRY(in.member("plugins"));
  FLAME_ASSIGN(const Json::Array entries, in.array("plugins"));
  FLAME_TRY(in.finish());
  for (size_t i = 0; i < entries.size(); ++i) {
    FLAME_ASSIGN(JsonMembers from,
                 JsonMembers::open(entries[i], fmt::format("{}: plugins[{}]", lock.name_, i)));
    Entry entry;
    FLAME_ASSIGN(entry.id, from.string("id"));
    FLAME_ASSIGN(entry.version, from.string("version"));
    FLAME_ASSIGN(entry.library, from.string("library"));
    FLAME_ASSIGN(entry.sha256, from.string("sha256"));
    FLAME_TRY(from.finish());
    for (const Entry &other : lock.entries_) {
      if (other.id != entry.id) continue;
      return in.error(fmt::format("the plugin '{}' stands twice", printable(entry.id)));
    }
    lock.entries_.push_back(std::move(entry));
  }
  return lock;
}

Result<std::optional<PluginLock>> PluginLock::beside(const fs::path &pipeline_file) {
  const fs::path file = pipeline_file.parent_path() / kLockFileName;
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(file, failed);
  if (status.type() == fs::file_type::not_found) return std::optional<PluginLock>();
  FLAME_ASSIGN(PluginLock lock, read(file));
  return std::optional<PluginLock>(std::move(lock));
}

Result<PluginLock> PluginLock::of(const Catalogue &catalogue) {
  PluginLock lock;
  const InstalledPlugin *before = nullptr;
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    const PluginSpec &spec = plugin.spec();
    if (before && before->spec().id == spec.id) {
      return plugin_error(
          fmt::format("the plugin '{}' is installed twice:\n    {}\n    {}", spec.id,
                      before->library_file.string(), plugin.library_file.string()),
          "remove one of them; a lock holds one file for each plugin");
    }
    before = &plugin;
    FLAME_ASSIGN(const TrustedLibrary library, TrustedLibrary::open(plugin.library_file));
    FLAME_TRY(library.check_hash(plugin.manifest.sha256, plugin.manifest_file.string()));
    lock.entries_.push_back({spec.id, spec.version, plugin.manifest.library, library.sha256()});
  }
  return lock;
}

Status PluginLock::write(const fs::path &file) const {
  Json plugins(Json::Array{});
  for (const Entry &entry : entries_) {
    Json item(Json::Object{});
    item.set("id", entry.id)
        .set("version", entry.version)
        .set("library", entry.library)
        .set("sha256", entry.sha256);
    plugins.push(std::move(item));
  }
  Json json(Json::Object{});
  json.set("plugins_lock", kLockFormat).set("plugins", std::move(plugins));
  return write_file_atomically(file, json.dump(2) + "\n");
}

Status PluginLock::check(const InstalledPlugin &plugin, std::string_view sha256) const {
  constexpr const char *kHint =
      "if this is the plugin that you want, write the lock again: flamehost plugins lock --output";
  const std::string &id = plugin.spec().id;
  const std::string file = plugin.library_file.string();
  for (const Entry &entry : entries_) {
    if (entry.id != id) continue;
    if (entry.sha256 == sha256) return {};
    return plugin_error(
        fmt::format("{}: the plugin '{}' is not the one in {}: SHA-256 {}, version {}; locked is "
                    "{}, version {}",
                    file, id, name_, sha256, plugin.spec().version, printable(entry.sha256),
                    printable(entry.version)),
        fmt::format("{} '{}'", kHint, name_));
  }
  return plugin_error(fmt::format("{}: the plugin '{}' is not in {}", file, id, name_),
                      fmt::format("{} '{}'", kHint, name_));
}

}  // namespace flame
