// Failures of a plugin as exceptions, and the guard that lets none of them out.
#pragma once

#include <charconv>
#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "flame/call.h"

// The glue lives in an inline namespace: authors write flame::Error, and no symbol meets one of
// the host's.
namespace flame {
inline namespace sdk {

inline std::string_view view(flame_str text) {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

// Borrows: valid as long as `text`.
inline flame_str borrow(std::string_view text) {
  return {text.data(), text.size()};
}

namespace detail {

inline void append(std::string &out, std::string_view part) {
  out += part;
}

inline void append(std::string &out, flame_str part) {
  out += view(part);
}

// The shortest text that gives the same number, whatever the locale.
template <typename Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
void append(std::string &out, Number part) {
  if constexpr (std::is_same_v<Number, bool>) {
    out += part ? "true" : "false";
  } else if constexpr (std::is_same_v<Number, char>) {
    out += part;
  } else {
    char digits[40];
    const std::string_view number(digits,
                                  std::to_chars(digits, digits + sizeof digits, part).ptr - digits);
    const size_t exponent = std::is_floating_point_v<Number> ? number.find('e') : number.npos;
    if (exponent == number.npos) {
      out += number;
      return;
    }
    // 1e-4 as people write it, not 1e-04.
    out += number.substr(0, exponent + 1);
    if (number[exponent + 1] == '-') out += '-';
    out += number.substr(number.find_first_not_of("+-0", exponent + 1));
  }
}

}  // namespace detail

// Joins texts and numbers: text("rank ", rank, " is larger than ", limit).
template <typename... Parts>
std::string text(const Parts &...parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

// Thrown by plugin code; the host gets its status and its message. Say what is wrong, where, what
// was expected and what to do.
class Error : public std::runtime_error {
 public:
  Error(flame_status status, const std::string &message)
      : std::runtime_error(message), status_(status) {}
  flame_status status() const noexcept { return status_; }

 private:
  flame_status status_;
};

// Each makes an error for `throw`: throw unsupported("matmul takes f32 only, not ", name).
template <typename... Parts>
Error failed(const Parts &...parts) {
  return Error(FLAME_ERROR_FAILED, text(parts...));
}
template <typename... Parts>
Error invalid_argument(const Parts &...parts) {
  return Error(FLAME_ERROR_INVALID_ARGUMENT, text(parts...));
}
template <typename... Parts>
Error unsupported(const Parts &...parts) {
  return Error(FLAME_ERROR_UNSUPPORTED, text(parts...));
}
template <typename... Parts>
Error out_of_memory(const Parts &...parts) {
  return Error(FLAME_ERROR_OUT_OF_MEMORY, text(parts...));
}
template <typename... Parts>
Error storage_error(const Parts &...parts) {
  return Error(FLAME_ERROR_STORAGE, text(parts...));
}
template <typename... Parts>
Error not_found(const Parts &...parts) {
  return Error(FLAME_ERROR_NOT_FOUND, text(parts...));
}

namespace detail {

inline flame_status tell(flame_call *call, flame_status status, std::string_view message) noexcept {
  call->fail(call->sink, status, borrow(message));
  return status;
}

// The status of an exception in flight, told to the caller once.
inline flame_status tell_current_exception(flame_call *call) noexcept {
  try {
    throw;
  } catch (const Error &error) {
    const bool is_success = error.status() == FLAME_OK;  // an author's slip, still a failure
    return tell(call, is_success ? FLAME_ERROR_FAILED : error.status(), error.what());
  } catch (const std::bad_alloc &) {
    return tell(call, FLAME_ERROR_OUT_OF_MEMORY, "the plugin got no memory from the processor");
  } catch (const std::exception &error) {
    return tell(call, FLAME_ERROR_FAILED, error.what());
  } catch (...) {
    return tell(call, FLAME_ERROR_FAILED, "the plugin threw something that is no std::exception");
  }
}

// A call of the plugin's own, for functions of the host: keeps the message, so that a failure can
// become an exception.
class HostCall {
 public:
  HostCall() noexcept {
    call_.struct_size = sizeof call_;
    call_.sink = this;
    call_.fail = [](void *sink, flame_status, flame_str message) noexcept {
      try {
        static_cast<HostCall *>(sink)->message_ = view(message);
      } catch (...) {  // the status still tells that it failed
      }
    };
  }
  HostCall(const HostCall &) = delete;
  HostCall &operator=(const HostCall &) = delete;

  flame_call *get() noexcept { return &call_; }

  void check(flame_status status) const {
    if (status == FLAME_OK) return;
    throw Error(status, message_.empty() ? text("the host failed with status ", status) : message_);
  }

 private:
  flame_call call_ = {};
  std::string message_;
};

}  // namespace detail

// Runs `function` and turns whatever it throws into fail() and a status. Every function of the C
// tables that the glue fills goes through it.
template <typename Function>
flame_status guard(flame_call *call, Function &&function) noexcept {
  try {
    std::forward<Function>(function)();
    return FLAME_OK;
  } catch (...) {
    return detail::tell_current_exception(call);
  }
}

}  // namespace sdk
}  // namespace flame
