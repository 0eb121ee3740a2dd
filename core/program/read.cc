#include "core/program/read.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/ops/catalogue/catalogue.h"
#include "core/program/print.h"
#include "core/program/program_builder.h"

namespace flame {
namespace {

// A full training step of a large model is some 50 MiB.
constexpr JsonLimits kLimits{.max_bytes = size_t{512} << 20, .max_depth = 8};
constexpr int64_t kMaxLabel = UINT32_MAX;

Error with_place(Error error, std::string_view place) {
  error.kind = ErrorKind::kBadConfig;
  error.what = fmt::format("{}: {}", place, error.what);
  return error;
}

// Returns the error of `expression` with its place in the file in front, or its value.
template <typename T>
Result<T> at(std::string_view place, Result<T> result) {
  if (result.ok()) return result;
  return with_place(result.error(), place);
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

// Which members an object may have.
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

// The number that stands for a value in this file.
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

// "f32[2, 3]"
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

// Puts the program together in the order of the values' numbers.
class Reader {
 public:
  Result<Program> read(const Json &json) {
    FLAME_TRY(check_keys(json, {"format", "inputs", "parameters", "nodes", "outputs"}));
    FLAME_ASSIGN(const std::string format, text_member(json, "format"));
    if (format != kProgramFormat) {
      return config_error(
          fmt::format("the format is '{}', expected '{}'", printable(format), kProgramFormat));
    }
    FLAME_ASSIGN(inputs_, list_member(json, "inputs"));
    FLAME_ASSIGN(parameters_, list_member(json, "parameters"));
    FLAME_ASSIGN(const Json::Array *nodes, list_member(json, "nodes"));
    FLAME_ASSIGN(const Json::Array *outputs, list_member(json, "outputs"));
    for (size_t i = 0; i < nodes->size(); ++i) FLAME_TRY(add_node(i, (*nodes)[i]));
    FLAME_TRY(add_sources(uint64_t{kMaxLabel} + 1));
    for (size_t i = 0; i < outputs->size(); ++i) {
      const Status status = add_output((*outputs)[i]);
      if (!status.ok()) return with_place(status.error(), fmt::format("output {}", i));
    }
    return builder_.finish();
  }

 private:
  // An entry of "inputs", "parameters" or "outputs".
  struct Named {
    std::string name;
    uint32_t label = 0;
    TensorType type;
  };

  static Result<Named> read_named(const Json &json) {
    FLAME_ASSIGN(std::string name, text_member(json, "name"));
    const std::string place = fmt::format("'{}'", printable(name));
    FLAME_ASSIGN(const Json *value, at(place, member(json, "value")));
    FLAME_ASSIGN(const uint32_t label, at(place, read_label(*value)));
    FLAME_ASSIGN(const std::string text, at(place, text_member(json, "type")));
    FLAME_ASSIGN(const TensorType type, at(place, read_type(text)));
    return Named{std::move(name), label, type};
  }

  Status know(uint32_t label, ValueId value) {
    if (values_.emplace(label, value).second) return {};
    return config_error(fmt::format("the value {} is made twice", label));
  }

  Result<ValueId> find(uint32_t label) const {
    const auto found = values_.find(label);
    if (found != values_.end()) return found->second;
    return config_error(fmt::format("uses the value {}, which nothing before it makes", label));
  }

  Status add_input(const Json &json, const Named &named) {
    FLAME_TRY(check_keys(json, {"name", "value", "type"}));
    const ValueId value = builder_.input(named.name, named.type);
    FLAME_TRY(builder_.status());
    return know(named.label, value);
  }

  Status add_parameter(const Json &json, const Named &named) {
    FLAME_TRY(check_keys(json, {"name", "value", "type", "trainable"}));
    FLAME_ASSIGN(const Json *trainable, member(json, "trainable"));
    if (!trainable->as_bool())
      return with_place(wrong_kind(*trainable, "true or false"), "trainable");
    const size_t before = builder_.program().values().size();
    const ValueId value = builder_.parameter(named.name, named.type, *trainable->as_bool());
    FLAME_TRY(builder_.status());
    if (builder_.program().values().size() == before) {
      return config_error(fmt::format("there are two parameters '{}'", printable(named.name)));
    }
    return know(named.label, value);
  }

  using AddSource = Status (Reader::*)(const Json &, const Named &);

  // Adds the entries of a list up to the first whose number is not below `limit`.
  Status add_from(const Json::Array &list, size_t &next, uint64_t limit, std::string_view what,
                  AddSource add) {
    for (; next < list.size(); ++next) {
      const std::string place = fmt::format("{} {}", what, next);
      FLAME_ASSIGN(const Named named, at(place, read_named(list[next])));
      if (named.label >= limit) return {};
      const Status status = (this->*add)(list[next], named);
      if (!status.ok()) return with_place(status.error(), place);
    }
    return {};
  }

  // Adds the inputs and parameters that stand before value `limit`.
  Status add_sources(uint64_t limit) {
    while (true) {
      const uint64_t parameter = next_label(*parameters_, next_parameter_);
      const uint64_t input = next_label(*inputs_, next_input_);
      if (std::min(input, parameter) >= limit) break;
      if (input <= parameter) {
        FLAME_TRY(add_from(*inputs_, next_input_, std::min(parameter, limit), "input",
                           &Reader::add_input));
      } else {
        FLAME_TRY(add_from(*parameters_, next_parameter_, std::min(input, limit), "parameter",
                           &Reader::add_parameter));
      }
    }
    return {};
  }

  // 0 for an entry that is wrong, so that it is read next and refused; the end is behind all.
  static uint64_t next_label(const Json::Array &list, size_t next) {
    if (next >= list.size()) return UINT64_MAX;
    const Json *value = list[next].find("value");
    const Result<uint32_t> label = value ? read_label(*value) : Result<uint32_t>(0u);
    return label.ok() ? *label : 0;
  }

  Status add_node(size_t index, const Json &json) {
    const Result<std::string> op = json.as_object()
                                       ? text_member(json, "op")
                                       : Result<std::string>(wrong_kind(json, "an object"));
    if (!op.ok()) return with_place(op.error(), fmt::format("node {}", index));
    const std::string place = fmt::format("node {} ({})", index, printable(*op));
    const Status status = add_op(*op, json);
    return status.ok() ? status : Status(with_place(status.error(), place));
  }

  Status add_op(const std::string &name, const Json &json) {
    FLAME_TRY(check_keys(
        json, {"op", "inputs", "outputs", "types", "attributes", "scope", "file", "line"}));
    FLAME_ASSIGN(const std::vector<uint32_t> outputs, read_labels(json, "outputs"));
    FLAME_TRY(add_sources(outputs.empty() ? uint64_t{kMaxLabel} + 1 : outputs.front()));
    const OpDefinition *op = find_op(name);
    if (!op) return infer_op(name, {}, {}).error();
    FLAME_ASSIGN(const std::vector<uint32_t> input_labels, read_labels(json, "inputs"));
    std::vector<ValueId> inputs;
    for (const uint32_t label : input_labels) {
      FLAME_ASSIGN(const ValueId input, find(label));
      inputs.push_back(input);
    }
    FLAME_ASSIGN(const Json *attributes_json, member(json, "attributes"));
    FLAME_ASSIGN(Attributes attributes, read_attributes(*op, *attributes_json));
    FLAME_TRY(set_place(json));
    const std::vector<ValueId> made = builder_.add(name, inputs, std::move(attributes));
    FLAME_TRY(builder_.status());
    return check_outputs(json, outputs, made);
  }

  Status check_outputs(const Json &json, const std::vector<uint32_t> &labels,
                       const std::vector<ValueId> &made) {
    FLAME_ASSIGN(const Json::Array *types, list_member(json, "types"));
    if (labels.size() != made.size() || types->size() != made.size()) {
      return config_error(fmt::format("names {} outputs and {} types, but the op has {}",
                                      labels.size(), types->size(), made.size()));
    }
    for (size_t i = 0; i < made.size(); ++i) {
      const std::string type = builder_.type_of(made[i]).text();
      const std::string *given = (*types)[i].as_string();
      if (!given || *given != type) {
        return config_error(fmt::format("output {} is given as {}, but the op gives {}", i,
                                        given ? printable(*given) : kind_text((*types)[i]), type));
      }
      FLAME_TRY(know(labels[i], made[i]));
    }
    return {};
  }

  // Neighbouring ops of one place share it.
  Status set_place(const Json &json) {
    FLAME_ASSIGN(std::string scope, text_member(json, "scope"));
    FLAME_ASSIGN(std::string file, text_member(json, "file"));
    FLAME_ASSIGN(const Json *line, member(json, "line"));
    if (!line->as_int() || *line->as_int() < 0 || *line->as_int() > UINT32_MAX) {
      return with_place(wrong_kind(*line, "a line's number"), "line");
    }
    Place place{std::move(scope), std::move(file), static_cast<uint32_t>(*line->as_int())};
    const bool same = place_ && place_->scope == place.scope && place_->file == place.file &&
                      place_->line == place.line;
    if (!same) place_ = std::make_shared<const Place>(std::move(place));
    builder_.set_place(place_);
    return {};
  }

  Status add_output(const Json &json) {
    FLAME_TRY(check_keys(json, {"name", "value", "type"}));
    FLAME_ASSIGN(const Named named, read_named(json));
    FLAME_ASSIGN(const ValueId value, find(named.label));
    if (builder_.type_of(value) != named.type) {
      return config_error(fmt::format("'{}' is given as {}, but the value is {}",
                                      printable(named.name), named.type.text(),
                                      builder_.type_of(value).text()));
    }
    builder_.output(named.name, value);
    return builder_.status();
  }

  ProgramBuilder builder_;
  std::unordered_map<uint32_t, ValueId> values_;  // by their numbers in the file
  const Json::Array *inputs_ = nullptr;
  const Json::Array *parameters_ = nullptr;
  size_t next_input_ = 0;
  size_t next_parameter_ = 0;
  std::shared_ptr<const Place> place_;
};

}  // namespace

Result<Program> read_program(std::string_view json, std::string_view name) {
  FLAME_ASSIGN(const Json parsed, parse_json(json, name, kLimits));
  return at(name, Reader().read(parsed));
}

}  // namespace flame
