// A value or an Error. Propagate with FLAME_TRY and FLAME_ASSIGN; look before you dereference.
#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "core/base/error.h"

namespace flame {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T &value() & { return assert(ok()), std::get<0>(state_); }
  const T &value() const & { return assert(ok()), std::get<0>(state_); }
  T &&value() && { return assert(ok()), std::get<0>(std::move(state_)); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }

  const Error &error() const { return assert(!ok()), std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error &error() const { return assert(!ok()), *error_; }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace flame

#define FLAME_JOIN_(a, b) a##b
#define FLAME_JOIN(a, b) FLAME_JOIN_(a, b)

// Returns the error of `expression` from the calling function, or goes on.
#define FLAME_TRY(expression)                                                                 \
  do {                                                                                        \
    if (auto flame_status_ = (expression); !flame_status_.ok()) return flame_status_.error(); \
  } while (false)

// Declares or assigns `target` from the value of `expression`, or returns its error.
#define FLAME_ASSIGN(target, expression) \
  FLAME_ASSIGN_(FLAME_JOIN(flame_result_, __LINE__), target, expression)
#define FLAME_ASSIGN_(result, target, expression) \
  auto result = (expression);                     \
  if (!result.ok()) return result.error();        \
  target = std::move(result).value()
