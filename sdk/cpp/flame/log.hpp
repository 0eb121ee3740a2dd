// The host's log: log_info("found ", count, " pictures"). Silent where the host offers no log.
#pragma once

#include "flame/host.hpp"

namespace flame {
inline namespace sdk {
namespace detail {

template <typename... Parts>
void log(uint32_t level, const Parts &...parts) noexcept {
  const flame_log *log = globals.log;
  if (!log || !log->enabled(log->self, level)) return;
  try {
    log->write(log->self, level, borrow(text(parts...)));
  } catch (...) {  // no memory for the text: the event is lost, the work is not
  }
}

}  // namespace detail

// The parts are joined as by text(). The host adds the plugin's name. [any]
template <typename... Parts>
void log_debug(const Parts &...parts) noexcept {
  detail::log(FLAME_LOG_DEBUG, parts...);
}
template <typename... Parts>
void log_info(const Parts &...parts) noexcept {
  detail::log(FLAME_LOG_INFO, parts...);
}
template <typename... Parts>
void log_warning(const Parts &...parts) noexcept {
  detail::log(FLAME_LOG_WARNING, parts...);
}
template <typename... Parts>
void log_error(const Parts &...parts) noexcept {
  detail::log(FLAME_LOG_ERROR, parts...);
}

}  // namespace sdk
}  // namespace flame
