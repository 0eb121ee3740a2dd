#include "core/plugin/host_services.h"

#include <fmt/core.h>

#include <mutex>
#include <vector>

#include "core/base/flame_text.h"
#include "core/base/log.h"
#include "core/base/version.h"

namespace flame {
namespace {

constexpr size_t kMaxEventBytes = 65536;

// A flame_host and what its functions need. The table is the first member, so that a pointer to it
// leads here.
struct Host {
  flame_host table = {};
  flame_log log = {};
  std::string plugin_id;
  std::mutex mutex;
  std::string last_message;  // guarded by mutex
};

log::Level level_of(uint32_t level) {
  switch (level) {
    case FLAME_LOG_DEBUG:
      return log::Level::kDebug;
    case FLAME_LOG_INFO:
      return log::Level::kInfo;
    case FLAME_LOG_WARNING:
      return log::Level::kWarning;
    default:
      return log::Level::kError;  // an unknown level must not hide an event
  }
}

void write_event(void *self, uint32_t level, flame_str message) noexcept {
  if (!self) return;
  auto &host = *static_cast<Host *>(self);
  const std::string_view text = text_of(message).substr(0, kMaxEventBytes);
  if (level >= FLAME_LOG_WARNING) {
    const std::lock_guard lock(host.mutex);
    host.last_message = std::string(text);
  }
  log::write(level_of(level), fmt::format("[{}] {}", host.plugin_id, text));
}

uint32_t event_enabled(void *, uint32_t level) noexcept {
  return log::enabled(level_of(level)) ? 1 : 0;
}

const void *query_service(const flame_host *table, flame_str id) noexcept {
  if (!table) return nullptr;
  const std::string_view name = text_of(id);
  if (name == FLAME_LOG_ID) return &reinterpret_cast<const Host *>(table)->log;
  if (name == FLAME_FILES_ID) return &host_files();
  return nullptr;
}

}  // namespace

const flame_host &host_for(std::string_view plugin_id) {
  // Plugins keep the table for good, also behind the end of main.
  static auto &all = *new std::vector<Host *>;
  Host *host = all.emplace_back(new Host);
  host->plugin_id = std::string(plugin_id);
  host->log.struct_size = sizeof host->log;
  host->log.self = host;
  host->log.write = write_event;
  host->log.enabled = event_enabled;
  host->table.struct_size = sizeof host->table;
  host->table.minor = FLAME_ABI_MINOR;
  host->table.name = flame_text("flamehost");
  host->table.version = flame_text(kVersion);
  host->table.query = query_service;
  return host->table;
}

std::string last_message(const flame_host &table) {
  auto &host = const_cast<Host &>(reinterpret_cast<const Host &>(table));
  const std::lock_guard lock(host.mutex);
  return host.last_message;
}

}  // namespace flame
