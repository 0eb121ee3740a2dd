// A host as the checks need it: it keeps what the plugin says, and can look like an older or newer
// one.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "core/plugin/validate/guarded.h"
#include "flame/entry.h"
#include "flame/host.h"

namespace flame {

class CheckedHost {
 public:
  struct Shape {
    size_t host_size = sizeof(flame_host);
    size_t log_size = sizeof(flame_log);
    uint32_t minor = FLAME_ABI_MINOR;
    bool services = true;                // false: query answers null to everything
    const flame_files *files = nullptr;  // null: this host's own; else must outlive the host
  };

  CheckedHost() : CheckedHost(Shape{}) {}
  explicit CheckedHost(Shape shape);
  CheckedHost(const CheckedHost &) = delete;
  CheckedHost &operator=(const CheckedHost &) = delete;

  const flame_host *get() const { return host_.get(); }
  // What was written to flame.log/1 so far, a line each. [any]
  std::string log() const;
  // Log lines that are no UTF-8, or of a level that does not exist. [any]
  size_t bad_log_lines() const;

 private:
  static const void *query(const flame_host *host, flame_str id) noexcept;
  static void write(void *self, uint32_t level, flame_str message) noexcept;
  static uint32_t enabled(void *self, uint32_t level) noexcept;

  Shape shape_;
  SizedStruct<flame_host> host_;
  SizedStruct<flame_log> log_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  size_t bad_lines_ = 0;
};

}  // namespace flame
