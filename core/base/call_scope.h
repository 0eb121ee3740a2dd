// One call into a plugin: hands over the error sink, and turns what comes back into a Status.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "flame/call.h"

namespace flame {

//   CallScope scope(plugin_id, "flame.model/1 build");
//   FLAME_TRY(scope.finish(table->build(model, scope.call(), …)));
//
// One function call each; used by one thread, and not moved while the call runs. The views are
// borrowed.
class CallScope {
 public:
  CallScope(std::string_view plugin_id, std::string_view function, uint32_t flags = 0);
  CallScope(const CallScope &) = delete;
  CallScope &operator=(const CallScope &) = delete;

  // For the function; its stream and workspace may be set before.
  flame_call *call() { return &call_; }

  // What the function's status and its use of the sink mean. A plugin that breaks the rules of
  // flame/call.h (an error without a message, two messages, a message and success, a message with
  // another status) gives kBadPlugin and is named; else the kind follows from the status and the
  // text is the plugin's own, with its id in front.
  Status finish(flame_status status) const;

  // For the host's services: what went wrong in a service is kept as the reason that holds if the
  // plugin only hands the status on. It counts as no message of the plugin's, which may still
  // recover or say it better. If `call` belongs to no CallScope, its own sink is called; if it is
  // null or has none, the text is lost. Returns `status`.
  static flame_status service_failed(flame_call *call, flame_status status, std::string_view text);

 private:
  static void take_message(void *sink, flame_status status, flame_str message) noexcept;
  Error fault(std::string_view what) const;

  std::string_view plugin_id_;
  std::string_view function_;
  flame_call call_ = {};
  int messages_ = 0;
  flame_status message_status_ = FLAME_OK;
  std::string message_;
  flame_status service_status_ = FLAME_OK;
  std::string service_message_;
};

// "INVALID_ARGUMENT (2)", "status -7".
std::string name_of_status(flame_status status);

}  // namespace flame
