#include "core/program/read_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/base/suggest.h"
#include "core/base/terminal.h"

namespace flame::program_file {

Error with_place(Error error, std::string_view place) {
  error.kind = ErrorKind::kBadConfig;
  error.what = fmt::format("{}: {}", place, error.what);
  return error;
}

std::string_view kind_text(const Json &json) {
  if (json.is_null()) return "null";
  if (json.as_bool()) return "true or false";
  if (json.as_int()) return "a whole number";
  if (json.is_number()) return "a number";
  if (json.as_string()) return "a text";
  return json.as_array() ? "a list" : "an object";
}

Error wrong_kind(const Json &json, std::string_view expected) {
  return config_error(fmt::format("is {}, expected {}", kind_text(json), expected));
}

Status check_keys(const Json &json, std::initializer_list<std::string_view> known) {
  if (!json.as_object()) return wrong_kind(json, "an object");
  for (const auto &[key, value] : *json.as_object()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return config_error(fmt::format("the key '{}' is not known", printable(key)),
                        did_you_mean(key, std::vector<std::string>(known.begin(), known.end())));
  }
  return {};
}

Result<const Json *> member(const Json &json, std::string_view key) {
  const Json *found = json.find(key);
  if (!found) return config_error(fmt::format("has no '{}'", key));
  return found;
}

Result<std::string> text_member(const Json &json, std::string_view key) {
  FLAME_ASSIGN(const Json *found, member(json, key));
  if (!found->as_string()) return at(key, Result<std::string>(wrong_kind(*found, "a text")));
  return *found->as_string();
}

Result<const Json::Array *> list_member(const Json &json, std::string_view key) {
  FLAME_ASSIGN(const Json *found, member(json, key));
  if (!found->as_array()) return with_place(wrong_kind(*found, "a list"), key);
  return found->as_array();
}

Result<uint32_t> read_label(const Json &json) {
  const int64_t *number = json.as_int();
  if (!number) return wrong_kind(json, "the number of a value");
  if (*number < 1 || *number > kMaxLabel) {
    return config_error(
        fmt::format("{} is no number of a value, expected 1 to {}", *number, kMaxLabel));
  }
  return static_cast<uint32_t>(*number);
}

Result<std::vector<uint32_t>> read_labels(const Json &json, std::string_view key) {
  FLAME_ASSIGN(const Json::Array *list, list_member(json, key));
  std::vector<uint32_t> labels;
  labels.reserve(list->size());
  for (const Json &item : *list) {
    FLAME_ASSIGN(const uint32_t label, at(key, read_label(item)));
    labels.push_back(label);
  }
  return labels;
}

Result<TensorType> read_type(std::string_view text) {
  const auto wrong = [&]() {
    return config_error(
        fmt::format("'{}' is no type, expected one such as f32[2, 3]", printable(text)));
  };
  const size_t open = text.find('[');
  if (open == std::string_view::npos || text.back() != ']') return wrong();
  const auto dtype = dtype_from_name(text.substr(0, open));
  if (!dtype) return wrong();
  std::vector<int64_t> sizes;
  const char *place = text.data() + open + 1;
  const char *end = text.data() + text.size() - 1;
  while (place != end) {
    if (!sizes.empty() && *place++ != ',') return wrong();
    while (place != end && *place == ' ') ++place;
    const auto [behind, code] = std::from_chars(place, end, sizes.emplace_back());
    if (code != std::errc{} || sizes.size() > kMaxRank) return wrong();
    place = behind;
  }
  FLAME_ASSIGN(const Shape shape, Shape::make(sizes));
  return TensorType{*dtype, shape};
}

namespace {

// Floats that JSON does not have are texts.
Result<double> read_float(const Json &json) {
  if (json.is_number()) return json.as_number();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string *text = json.as_string();
  if (text && *text == "inf") return kInfinity;
  if (text && *text == "-inf") return -kInfinity;
  if (text && *text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return wrong_kind(json, "a number, \"inf\", \"-inf\" or \"nan\"");
}
Result<int64_t> read_integer(const Json &json) {
  if (json.as_int()) return *json.as_int();
  return wrong_kind(json, "a whole number");
}
Result<std::string> read_text(const Json &json) {
  if (json.as_string()) return *json.as_string();
  return wrong_kind(json, "a text");
}

template <typename T>
Result<AttributeValue> read_list(const Json &json, Result<T> (*read)(const Json &)) {
  if (!json.as_array()) return wrong_kind(json, "a list");
  std::vector<T> items;
  for (size_t i = 0; i < json.as_array()->size(); ++i) {
    FLAME_ASSIGN(T item, at(fmt::format("item {}", i), read((*json.as_array())[i])));
    items.push_back(std::move(item));
  }
  return AttributeValue(std::move(items));
}

template <typename T>
Result<AttributeValue> read_one(const Json &json, Result<T> (*read)(const Json &)) {
  FLAME_ASSIGN(T item, read(json));
  return AttributeValue(std::move(item));
}

Result<AttributeValue> read_value(const Json &json, AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kInt:
      return read_one(json, read_integer);
    case AttributeKind::kFloat:
      return read_one(json, read_float);
    case AttributeKind::kBool:
      if (json.as_bool()) return AttributeValue(*json.as_bool());
      return wrong_kind(json, "true or false");
    case AttributeKind::kString:
      return read_one(json, read_text);
    case AttributeKind::kInts:
      return read_list(json, read_integer);
    case AttributeKind::kFloats:
      return read_list(json, read_float);
    case AttributeKind::kStrings:
      break;
  }
  return read_list(json, read_text);
}

}  // namespace

Result<Attributes> read_attributes(const OpDefinition &op, const Json &json) {
  if (!json.as_object()) return with_place(wrong_kind(json, "an object"), "attributes");
  Attributes attributes;
  for (const auto &[name, value] : *json.as_object()) {
    const std::string place = fmt::format("attribute '{}'", printable(name));
    const AttributeSpec *spec = op.find_attribute(name);
    if (!spec) {
      std::vector<std::string> known;
      for (const AttributeSpec &entry : op.attributes) known.emplace_back(entry.name);
      return config_error(fmt::format("{}: the op has none of that name", place),
                          did_you_mean(name, known));
    }
    FLAME_ASSIGN(AttributeValue read, at(place, read_value(value, spec->kind)));
    attributes.set(name, std::move(read));
  }
  return attributes;
}

}  // namespace flame::program_file
