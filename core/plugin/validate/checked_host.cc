#include "core/plugin/validate/checked_host.h"

#include <map>
#include <string_view>

#include "core/base/flame_text.h"
#include "core/base/utf8.h"
#include "core/plugin/host_services.h"

namespace flame {
namespace {

constexpr flame_str kName = FLAME_STR("flamehost plugins validate");
constexpr flame_str kVersion = FLAME_STR("0.0.0");

// flame_host has no place for a handle, so each host is found by its table. [any]
std::mutex hosts_mutex;
std::map<const flame_host *, CheckedHost *> &hosts() {
  static std::map<const flame_host *, CheckedHost *> all;
  return all;
}

}  // namespace

CheckedHost::CheckedHost(Shape shape)
    : shape_(shape),
      host_(flame_host{0, shape.minor, kName, kVersion, &CheckedHost::query}, shape.host_size),
      log_(flame_log{0, 0, this, &CheckedHost::write, &CheckedHost::enabled}, shape.log_size) {
  const std::lock_guard lock(hosts_mutex);
  hosts()[host_.get()] = this;
}

const void *CheckedHost::query(const flame_host *host, flame_str id) noexcept {
  CheckedHost *self = nullptr;
  {
    const std::lock_guard lock(hosts_mutex);
    const auto found = hosts().find(host);
    if (found != hosts().end()) self = found->second;
  }
  if (!self || !self->shape_.services || !id.data) return nullptr;
  const std::string_view name(id.data, id.size);
  if (name == FLAME_LOG_ID) return self->log_.get();
  if (name == FLAME_FILES_ID) return self->shape_.files ? self->shape_.files : &host_files();
  return nullptr;
}

void CheckedHost::write(void *self, uint32_t level, flame_str message) noexcept {
  auto *host = static_cast<CheckedHost *>(self);
  const std::string_view text = text_of(message);
  const std::lock_guard lock(host->mutex_);
  if (level > FLAME_LOG_ERROR || !is_utf8(text)) ++host->bad_lines_;
  host->lines_.emplace_back(text);
}

uint32_t CheckedHost::enabled(void *, uint32_t) noexcept {
  return 1;
}

std::string CheckedHost::log() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const std::string &line : lines_) all += (all.empty() ? "" : "\n") + line;
  return all;
}

size_t CheckedHost::bad_log_lines() const {
  const std::lock_guard lock(mutex_);
  return bad_lines_;
}

}  // namespace flame
