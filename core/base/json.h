// A JSON value, its strict reader and its writer. Objects keep their order; a duplicate key is an
// error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"

namespace flame {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  // null
  Json(bool value) : value_(value) {}
  Json(int value) : value_(int64_t{value}) {}
  Json(int64_t value) : value_(value) {}
  Json(uint32_t value) : value_(int64_t{value}) {}
  Json(double value) : value_(value) {}
  Json(const char *value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  // Null if the value is of another type. as_number() also takes an integer.
  const bool *as_bool() const { return std::get_if<bool>(&value_); }
  const int64_t *as_int() const { return std::get_if<int64_t>(&value_); }
  const std::string *as_string() const { return std::get_if<std::string>(&value_); }
  const Array *as_array() const { return std::get_if<Array>(&value_); }
  const Object *as_object() const { return std::get_if<Object>(&value_); }
  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_number() const { return as_int() || std::holds_alternative<double>(value_); }
  double as_number() const;  // 0 unless is_number()

  // The member of that name; null if there is none or this is no object. Lives as long as *this.
  const Json *find(std::string_view key) const;
  // Adds or replaces a member; a null value becomes an object, an array or scalar asserts.
  Json &set(std::string key, Json value);
  // Appends an element; a null value becomes an array.
  Json &push(Json value);

  // One line if indent is negative, else that many spaces a level.
  std::string dump(int indent = -1) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  size_t max_bytes = 16u << 20;
  size_t max_depth = 64;
  size_t max_values = SIZE_MAX;  // objects, lists and scalars: what the tree takes in memory
};

// Reads one value that fills `text`. Errors are kBadConfig and name line and column; `name` is what
// the text is called in them. Numbers that do not fit int64 become double; NaN and infinities do
// not exist in JSON.
Result<Json> parse_json(std::string_view text, std::string_view name, JsonLimits limits = {});

}  // namespace flame
