#include "core/plugin/validate/checked_call.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/validate/check.h"

namespace flame {
namespace {

bool is_known(flame_status status) {
  return status >= FLAME_OK && status <= FLAME_ERROR_END;
}

}  // namespace

CheckedCall::CheckedCall(size_t size)
    : call_(flame_call{0, 0, this, &CheckedCall::fail, nullptr, nullptr, 0}, size) {}

void CheckedCall::fail(void *sink, flame_status status, flame_str message) noexcept {
  auto *call = static_cast<CheckedCall *>(sink);
  call->failures_.push_back({status, std::string(text_of(message))});
}

Status CheckedCall::judge(std::string_view function, flame_status status) const {
  const std::string name = name_of_status(status);
  if (!is_known(status)) {
    return broken("a status that flame/abi.h names", fmt::format("{} returned {}", function, name));
  }
  if (status == FLAME_OK) {
    if (failures_.empty()) return {};
    return broken(
        "a function that returns FLAME_OK has not called fail",
        fmt::format("{} returned FLAME_OK and told the sink: {}", function, printable(message())));
  }
  if (failures_.size() != 1) {
    return broken(
        "fail is called exactly once, with the reason",
        fmt::format("{} returned {} and called fail {} times", function, name, failures_.size()));
  }
  if (failures_[0].status != status) {
    return broken("the sink gets the status that is returned",
                  fmt::format("{} returned {} and told the sink {}", function, name,
                              name_of_status(failures_[0].status)));
  }
  return judge_message(function);
}

Status CheckedCall::judge_message(std::string_view function) const {
  const std::string_view text = message();
  const std::string seen =
      fmt::format("{} failed with the message '{}'", function, printable(text.substr(0, 200)));
  if (!is_utf8(text)) return broken("a message in UTF-8", seen);
  const auto letters = std::count_if(text.begin(), text.end(), [](char c) { return c != ' '; });
  if (letters < 8) return broken("a message that says what is wrong and what was expected", seen);
  if (text.back() == '\n') return broken("a message without a line end", seen);
  return {};
}

Status CheckedCall::expect_success(std::string_view function, flame_status status) const {
  FLAME_TRY(judge(function, status));
  if (status == FLAME_OK) return {};
  return broken(fmt::format("{} succeeds", function),
                fmt::format("it returned {}: {}", name_of_status(status), printable(message())));
}

Status CheckedCall::expect_failure(std::string_view function, flame_status status,
                                   std::string_view because,
                                   std::initializer_list<flame_status> allowed) const {
  FLAME_TRY(judge(function, status));
  if (std::find(allowed.begin(), allowed.end(), status) != allowed.end()) return {};
  std::string names;
  for (const flame_status one : allowed) {
    names += (names.empty() ? "" : " or ") + name_of_status(one);
  }
  return broken(fmt::format("{}, because {}", names, because),
                fmt::format("{} returned {}", function, name_of_status(status)));
}

}  // namespace flame
