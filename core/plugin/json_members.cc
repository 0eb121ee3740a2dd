#include "core/plugin/json_members.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/base/terminal.h"

namespace flame {

Result<JsonMembers> JsonMembers::open(const Json &value, std::string_view place) {
  JsonMembers members(value, place);
  if (!value.as_object()) return members.error("expected an object");
  return members;
}

Error JsonMembers::error(std::string_view problem) const {
  return plugin_error(fmt::format("{}: {}", place_, problem));
}

Error JsonMembers::wrong(std::string_view key, std::string_view expected) const {
  return error(fmt::format("\"{}\": expected {}", key, expected));
}

const Json *JsonMembers::find(std::string_view key) {
  asked_.emplace_back(key);
  return value_->find(key);
}

Result<const Json *> JsonMembers::member(std::string_view key) {
  const Json *found = find(key);
  if (!found) return error(fmt::format("\"{}\" is missing", key));
  return found;
}

Result<std::string> JsonMembers::string(std::string_view key) {
  FLAME_ASSIGN(const Json *found, member(key));
  if (!found->as_string()) return wrong(key, "a string");
  return *found->as_string();
}

Result<uint32_t> JsonMembers::number(std::string_view key) {
  FLAME_ASSIGN(const Json *found, member(key));
  const int64_t *value = found->as_int();
  if (!value || *value < 0 || *value > UINT32_MAX)
    return wrong(key, "a whole number from 0 to 2^32 - 1");
  return static_cast<uint32_t>(*value);
}

Result<std::optional<std::string>> JsonMembers::optional_string(std::string_view key) {
  const Json *found = find(key);
  if (!found) return std::optional<std::string>();
  if (!found->as_string()) return wrong(key, "a string");
  return std::optional<std::string>(*found->as_string());
}

Result<std::string> JsonMembers::string_or_empty(std::string_view key) {
  FLAME_ASSIGN(const std::optional<std::string> value, optional_string(key));
  return value.value_or("");
}

Result<std::optional<double>> JsonMembers::optional_number(std::string_view key) {
  const Json *found = find(key);
  if (!found) return std::optional<double>();
  if (!found->is_number()) return wrong(key, "a number");
  return std::optional<double>(found->as_number());
}

Result<bool> JsonMembers::bool_or_false(std::string_view key) {
  const Json *found = find(key);
  if (!found) return false;
  if (!found->as_bool()) return wrong(key, "true or false");
  return *found->as_bool();
}

Result<Json::Array> JsonMembers::array(std::string_view key) {
  const Json *found = find(key);
  if (!found) return Json::Array{};
  if (!found->as_array()) return wrong(key, "a list");
  return *found->as_array();
}

Result<std::vector<std::string>> JsonMembers::strings(std::string_view key) {
  FLAME_ASSIGN(const Json::Array items, array(key));
  std::vector<std::string> list;
  for (const Json &item : items) {
    if (!item.as_string()) return wrong(key, "a list of strings");
    list.push_back(*item.as_string());
  }
  return list;
}

Status JsonMembers::finish() const {
  for (const Json::Member &member : *value_->as_object()) {
    if (std::find(asked_.begin(), asked_.end(), member.first) != asked_.end()) continue;
    Error unknown = error(fmt::format("\"{}\" is not known here", printable(member.first)));
    unknown.hint = did_you_mean(member.first, asked_);
    return unknown;
  }
  return {};
}

}  // namespace flame
