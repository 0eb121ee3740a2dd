// A call whose sink keeps count, and the rule of call.h that every function with a status keeps.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/validate/guarded.h"
#include "flame/call.h"

namespace flame {

// One call of the contract; make a new one for each function that is called.
class CheckedCall {
 public:
  // `size` is the struct_size that the plugin sees; shorter and longer ones are hosts of other
  // minor versions.
  explicit CheckedCall(size_t size = sizeof(flame_call));
  CheckedCall(const CheckedCall &) = delete;
  CheckedCall &operator=(const CheckedCall &) = delete;

  flame_call *get() { return call_.get(); }
  std::string_view message() const {
    return failures_.empty() ? "" : std::string_view(failures_[0].message);
  }

  // Breaks if what `function` returned and what it told the sink do not fit call.h.
  Status judge(std::string_view function, flame_status status) const;
  // Likewise, and the status must be FLAME_OK.
  Status expect_success(std::string_view function, flame_status status) const;
  // Likewise, and it must be one of `allowed`. `because` says why the function has to fail.
  Status expect_failure(std::string_view function, flame_status status, std::string_view because,
                        std::initializer_list<flame_status> allowed) const;

 private:
  struct Failure {
    flame_status status;
    std::string message;
  };
  static void fail(void *sink, flame_status status, flame_str message) noexcept;
  Status judge_message(std::string_view function) const;

  SizedStruct<flame_call> call_;
  std::vector<Failure> failures_;
};

}  // namespace flame
