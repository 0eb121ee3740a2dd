// What can go wrong, as a value. Inside core nothing throws: a function that can fail returns
// Result<T>.
#pragma once

#include <string>
#include <utility>

namespace flame {

// Each kind is one exit code of the program; see exit_code().
enum class ErrorKind {
  kFailed,       // the run failed for a reason without a kind of its own
  kBadConfig,    // the pipeline file, an option or the command line is wrong
  kBadPlugin,    // a plugin cannot be found, opened or trusted, or it broke its contract
  kOutOfMemory,  // the plan does not fit
  kNumeric,      // a number is not finite, or not equal to its reference
  kStorage,      // a file cannot be read or written
  kDevice,       // the device reports a fault that ends the process
  kInterrupted,  // the user asked to stop
};

// The process's exit code for a kind: 1 to 7, and 130 for kInterrupted.
int exit_code(ErrorKind kind);

// `what` says what is wrong, where, and what was expected; `hint` says what to do, and may be
// empty.
struct Error {
  ErrorKind kind = ErrorKind::kFailed;
  std::string what;
  std::string hint;

  // "what\n  hint", without a line end.
  std::string text() const;
};

inline Error config_error(std::string what, std::string hint = {}) {
  return {ErrorKind::kBadConfig, std::move(what), std::move(hint)};
}
inline Error plugin_error(std::string what, std::string hint = {}) {
  return {ErrorKind::kBadPlugin, std::move(what), std::move(hint)};
}
inline Error storage_error(std::string what, std::string hint = {}) {
  return {ErrorKind::kStorage, std::move(what), std::move(hint)};
}

}  // namespace flame
