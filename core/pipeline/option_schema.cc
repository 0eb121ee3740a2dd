#include "core/pipeline/option_schema.h"

#include <fmt/core.h>

#include <cmath>
#include <span>

#include "core/plugin/option_value.h"
#include "core/plugin/quantity_text.h"

namespace flame {
namespace {

// What any of the types of text may hold: `no`, 42 and 1e-4 are text where text is wanted.
Json any_text() {
  return Json::Array{"string", "number", "boolean"};
}

Json number(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15) {
    return Json(static_cast<int64_t>(value));
  }
  return Json(value);
}

void set_range(Json &schema, const OptionSpec &option) {
  if (option.minimum) {
    schema.set(option.exclusive_minimum ? "exclusiveMinimum" : "minimum", number(*option.minimum));
  }
  if (option.maximum) schema.set("maximum", number(*option.maximum));
}

std::string quantity_pattern(std::span<const Unit> units) {
  std::string names;
  std::string whole;
  for (const Unit &unit : units) {
    // Bytes have no fraction.
    if (unit.name == "B") {
      whole = "(0|[1-9][0-9]*)B|";
    } else {
      names += (names.empty() ? "" : "|") + std::string(unit.name);
    }
  }
  return fmt::format("^({}((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)({}))$", whole, names);
}

// A scalar as a YAML reader of another program would see it: a choice "8" may arrive as a number.
void add_readings(Json::Array &values, const std::string &text) {
  values.emplace_back(text);
  OptionSpec spec;
  for (const OptionType type : {OptionType::kInt, OptionType::kFloat, OptionType::kBool}) {
    spec.type = type;
    const Result<Scalar> scalar = parse_scalar(spec, text, false);
    if (!scalar.ok()) continue;
    std::visit([&](const auto &value) { values.emplace_back(value); }, *scalar);
    return;
  }
}

Json scalar_schema(const OptionSpec &option) {
  Json schema;
  switch (option.type) {
    case OptionType::kInt:
      schema.set("type", "integer");
      set_range(schema, option);
      break;
    case OptionType::kFloat:
      schema.set("type", "number");
      set_range(schema, option);
      break;
    case OptionType::kBool:
      schema.set("type", "boolean");
      break;
    case OptionType::kString:
      schema.set("type", any_text());
      break;
    case OptionType::kPath:
      schema.set("type", any_text()).set("pattern", "^(?!~(/|$))[^\\n\\r]+$");
      break;
    case OptionType::kChoice: {
      Json::Array values;
      for (const std::string &choice : option.choices) add_readings(values, choice);
      schema.set("enum", std::move(values));
      break;
    }
    case OptionType::kSize:
      schema.set("type", Json::Array{"integer", "string"});
      schema.set("minimum", 0).set("pattern", quantity_pattern(size_units()));
      set_range(schema, option);
      break;
    case OptionType::kDuration:
      schema.set("type", "string").set("pattern", quantity_pattern(duration_units()));
      break;
  }
  return schema;
}

Json to_json(const Scalar &scalar, OptionType type) {
  if (const auto *value = std::get_if<int64_t>(&scalar)) {
    return type == OptionType::kSize ? Json(size_text(*value)) : Json(*value);
  }
  if (const auto *value = std::get_if<double>(&scalar)) {
    return type == OptionType::kDuration ? Json(duration_text(*value)) : Json(*value);
  }
  if (const auto *value = std::get_if<bool>(&scalar)) return Json(*value);
  return Json(std::get<std::string>(scalar));
}

Json default_json(const OptionSpec &option) {
  const OptionValue value = default_value(option);
  if (!option.list) return to_json(value.items.front(), option.type);
  Json::Array items;
  for (const Scalar &item : value.items) items.push_back(to_json(item, option.type));
  return items;
}

std::string description(const OptionSpec &option) {
  std::string text = option.help;
  if (!option.unit.empty()) text += fmt::format(" In {}.", option.unit);
  if (!option.since.empty()) text += fmt::format(" Since {}.", option.since);
  return text;
}

}  // namespace

Json option_schema(const OptionSpec &option) {
  Json schema;
  schema.set("description", description(option));
  if (option.default_text) schema.set("default", default_json(option));
  if (!option.deprecated_by.empty()) {
    schema.set("deprecationMessage", fmt::format("use '{}' instead", option.deprecated_by));
  }
  const Json scalar = scalar_schema(option);
  if (!option.list) {
    for (const Json::Member &member : *scalar.as_object()) schema.set(member.first, member.second);
    return schema;
  }
  Json list;
  list.set("type", "array").set("items", scalar);
  if (option.required) list.set("minItems", 1);
  schema.set("anyOf", Json::Array{scalar, list});
  return schema;
}

}  // namespace flame
