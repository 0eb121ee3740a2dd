// Reads the members of one JSON object by name and type, and refuses what is left over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"

namespace flame {

// Borrows the value. `place` names it in errors, which are kBadPlugin.
class JsonMembers {
 public:
  static Result<JsonMembers> open(const Json &value, std::string_view place);

  // The member must be there and of that type.
  Result<std::string> string(std::string_view key);
  Result<uint32_t> number(std::string_view key);
  Result<const Json *> member(std::string_view key);
  // The member may be absent; if it is there, it is of that type.
  Result<std::string> string_or_empty(std::string_view key);
  Result<std::optional<std::string>> optional_string(std::string_view key);
  Result<std::optional<double>> optional_number(std::string_view key);
  Result<bool> bool_or_false(std::string_view key);
  Result<std::vector<std::string>> strings(std::string_view key);
  Result<Json::Array> array(std::string_view key);

  // The members that were not asked for are an error, with the nearest name that would be right.
  Status finish() const;

  const std::string &place() const { return place_; }
  Error error(std::string_view problem) const;

 private:
  JsonMembers(const Json &value, std::string_view place) : value_(&value), place_(place) {}
  const Json *find(std::string_view key);
  Error wrong(std::string_view key, std::string_view expected) const;

  const Json *value_;
  std::string place_;
  std::vector<std::string> asked_;
};

}  // namespace flame
