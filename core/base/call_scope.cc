#include "core/base/call_scope.h"

#include <fmt/core.h>

#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"

namespace flame {
namespace {

constexpr size_t kMaxMessageBytes = 16384;

struct StatusRule {
  flame_status status;
  const char *name;
  ErrorKind kind;
};

constexpr StatusRule kStatusRules[] = {
    {FLAME_OK, "OK", ErrorKind::kFailed},
    {FLAME_ERROR_FAILED, "FAILED", ErrorKind::kFailed},
    {FLAME_ERROR_INVALID_ARGUMENT, "INVALID_ARGUMENT", ErrorKind::kBadConfig},
    {FLAME_ERROR_UNSUPPORTED, "UNSUPPORTED", ErrorKind::kFailed},
    {FLAME_ERROR_OUT_OF_MEMORY, "OUT_OF_MEMORY", ErrorKind::kOutOfMemory},
    {FLAME_ERROR_NUMERIC, "NUMERIC", ErrorKind::kNumeric},
    {FLAME_ERROR_STORAGE, "STORAGE", ErrorKind::kStorage},
    {FLAME_ERROR_DEVICE_LOST, "DEVICE_LOST", ErrorKind::kDevice},
    {FLAME_ERROR_INTERRUPTED, "INTERRUPTED", ErrorKind::kInterrupted},
    {FLAME_ERROR_NOT_FOUND, "NOT_FOUND", ErrorKind::kFailed},
    {FLAME_ERROR_END, "END", ErrorKind::kFailed},
};

// A vendor's own status is a failure without a kind of its own.
ErrorKind kind_of(flame_status status) {
  for (const StatusRule &rule : kStatusRules) {
    if (rule.status == status) return rule.kind;
  }
  return ErrorKind::kFailed;
}

// A plugin's text, fit to be shown.
std::string shown(flame_str message) {
  std::string_view text = text_of(message);
  if (text.size() > kMaxMessageBytes) text = text.substr(0, kMaxMessageBytes);
  const size_t bad = find_invalid_utf8(text);
  if (bad == std::string_view::npos) return printable(text);
  return printable(text.substr(0, bad)) + " … (the rest is not UTF-8)";
}

}  // namespace

std::string name_of_status(flame_status status) {
  for (const StatusRule &rule : kStatusRules) {
    if (rule.status == status) return fmt::format("{} ({})", rule.name, status);
  }
  return fmt::format("status {}", status);
}

CallScope::CallScope(std::string_view plugin_id, std::string_view function, uint32_t flags)
    : plugin_id_(plugin_id), function_(function) {
  call_.struct_size = sizeof call_;
  call_.flags = flags;
  call_.sink = this;
  call_.fail = take_message;
}

void CallScope::take_message(void *sink, flame_status status, flame_str message) noexcept {
  if (!sink) return;
  auto &scope = *static_cast<CallScope *>(sink);
  ++scope.messages_;
  if (scope.messages_ > 1) return;
  scope.message_status_ = status;
  scope.message_ = shown(message);
}

flame_status CallScope::service_failed(flame_call *call, flame_status status,
                                       std::string_view text) {
  if (!call || !FLAME_HAS(flame_call, call, fail)) return status;
  if (call->fail == take_message && call->sink) {
    auto &scope = *static_cast<CallScope *>(call->sink);
    scope.service_status_ = status;
    scope.service_message_ = std::string(text);
  } else {
    call->fail(call->sink, status, flame_text(text));
  }
  return status;
}

Error CallScope::fault(std::string_view what) const {
  return plugin_error(fmt::format("plugin '{}': {} {}", plugin_id_, function_, what),
                      "this is a fault of the plugin: report it to its vendor, or use another");
}

Status CallScope::finish(flame_status status) const {
  if (messages_ > 1) {
    return fault(fmt::format("reported {} errors in one call; one is allowed. The first was: {}",
                             messages_, message_));
  }
  if (status == FLAME_OK) {
    if (messages_ == 0) return {};
    return fault(fmt::format("reported the error {}, and then returned OK: {}",
                             name_of_status(message_status_), message_));
  }
  if (messages_ == 1) {
    if (message_status_ != status) {
      return fault(fmt::format("returned {}, but reported {}: {}", name_of_status(status),
                               name_of_status(message_status_), message_));
    }
    if (message_.empty()) {
      return fault(fmt::format("returned {} with an empty message", name_of_status(status)));
    }
    return Error{kind_of(status), fmt::format("plugin '{}': {}", plugin_id_, message_), {}};
  }
  if (service_status_ == status) {
    return Error{kind_of(status), fmt::format("plugin '{}': {}", plugin_id_, service_message_), {}};
  }
  return fault(
      fmt::format("returned {} without saying why (flame_call.fail)", name_of_status(status)));
}

}  // namespace flame
