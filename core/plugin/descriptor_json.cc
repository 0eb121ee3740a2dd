// The descriptor as JSON: what stands in manifests and in `plugins inspect --json`. Members that
// are empty, false or absent are left out.
#include <fmt/core.h>

#include <cmath>

#include "core/base/terminal.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/json_members.h"

namespace flame {
namespace {

void set_text(Json &into, const char *key, const std::string &text) {
  if (!text.empty()) into.set(key, text);
}

void set_texts(Json &into, const char *key, const std::vector<std::string> &texts) {
  if (texts.empty()) return;
  into.set(key, Json::Array(texts.begin(), texts.end()));
}

void set_number(Json &into, const char *key, const std::optional<double> &number) {
  if (!number) return;
  const bool whole = *number == std::floor(*number) && std::fabs(*number) < 9e15;
  into.set(key, whole ? Json(static_cast<int64_t>(*number)) : Json(*number));
}

Json to_json(const OptionSpec &option) {
  Json json(Json::Object{});
  json.set("name", option.name).set("type", name_of(option.type));
  if (option.list) json.set("list", true);
  if (option.required) json.set("required", true);
  if (option.configuration) json.set("configuration", true);
  if (option.default_text) json.set("default", *option.default_text);
  set_number(json, "minimum", option.minimum);
  if (option.exclusive_minimum) json.set("exclusive_minimum", true);
  set_number(json, "maximum", option.maximum);
  set_texts(json, "choices", option.choices);
  set_text(json, "unit", option.unit);
  set_text(json, "help", option.help);
  set_text(json, "since", option.since);
  set_text(json, "deprecated_by", option.deprecated_by);
  set_texts(json, "aliases", option.aliases);
  return json;
}

Json to_json(const ComponentSpec &component) {
  Json json(Json::Object{});
  json.set("kind", component.kind).set("id", component.id).set("summary", component.summary);
  Json options(Json::Array{});
  for (const OptionSpec &option : component.options) options.push(to_json(option));
  return json.set("options", std::move(options));
}

// Reads what to_json wrote.
class SpecReader {
 public:
  explicit SpecReader(UnknownMembers unknown) : unknown_(unknown) {}

  Result<PluginSpec> plugin(const Json &value, std::string_view place) const {
    FLAME_ASSIGN(JsonMembers in, JsonMembers::open(value, place));
    PluginSpec spec;
    FLAME_ASSIGN(spec.id, in.string("id"));
    FLAME_ASSIGN(spec.version, in.string("version"));
    FLAME_ASSIGN(spec.vendor, in.string_or_empty("vendor"));
    FLAME_ASSIGN(spec.license, in.string("license"));
    FLAME_ASSIGN(spec.summary, in.string("summary"));
    FLAME_ASSIGN(spec.requirements, in.strings("requirements"));
    FLAME_ASSIGN(const Json::Array components, in.array("components"));
    for (size_t i = 0; i < components.size(); ++i) {
      FLAME_ASSIGN(ComponentSpec read,
                   component(components[i], fmt::format("{}.components[{}]", place, i)));
      spec.components.push_back(std::move(read));
    }
    FLAME_TRY(finish(in));
    return spec;
  }

 private:
  Status finish(const JsonMembers &in) const {
    return unknown_ == UnknownMembers::kRefuse ? in.finish() : Status();
  }

  Result<ComponentSpec> component(const Json &value, std::string_view place) const {
    FLAME_ASSIGN(JsonMembers in, JsonMembers::open(value, place));
    ComponentSpec spec;
    FLAME_ASSIGN(spec.kind, in.string("kind"));
    FLAME_ASSIGN(spec.id, in.string("id"));
    FLAME_ASSIGN(spec.summary, in.string("summary"));
    FLAME_ASSIGN(const Json::Array options, in.array("options"));
    for (size_t i = 0; i < options.size(); ++i) {
      FLAME_ASSIGN(OptionSpec read, option(options[i], fmt::format("{}.options[{}]", place, i)));
      spec.options.push_back(std::move(read));
    }
    FLAME_TRY(finish(in));
    return spec;
  }

  Result<OptionSpec> option(const Json &value, std::string_view place) const {
    FLAME_ASSIGN(JsonMembers in, JsonMembers::open(value, place));
    OptionSpec spec;
    FLAME_ASSIGN(spec.name, in.string("name"));
    FLAME_ASSIGN(const std::string type, in.string("type"));
    const std::optional<OptionType> known = option_type_named(type);
    if (!known) {
      return in.error(
          fmt::format("\"type\": \"{}\" is no type that this host knows", printable(type)));
    }
    spec.type = *known;
    FLAME_ASSIGN(spec.list, in.bool_or_false("list"));
    FLAME_ASSIGN(spec.required, in.bool_or_false("required"));
    FLAME_ASSIGN(spec.configuration, in.bool_or_false("configuration"));
    FLAME_ASSIGN(spec.default_text, in.optional_string("default"));
    FLAME_ASSIGN(spec.minimum, in.optional_number("minimum"));
    FLAME_ASSIGN(spec.exclusive_minimum, in.bool_or_false("exclusive_minimum"));
    FLAME_ASSIGN(spec.maximum, in.optional_number("maximum"));
    FLAME_ASSIGN(spec.choices, in.strings("choices"));
    FLAME_ASSIGN(spec.unit, in.string_or_empty("unit"));
    FLAME_ASSIGN(spec.help, in.string("help"));
    FLAME_ASSIGN(spec.since, in.string_or_empty("since"));
    FLAME_ASSIGN(spec.deprecated_by, in.string_or_empty("deprecated_by"));
    FLAME_ASSIGN(spec.aliases, in.strings("aliases"));
    FLAME_TRY(finish(in));
    return spec;
  }

  UnknownMembers unknown_;
};

}  // namespace

Json to_json(const PluginSpec &spec) {
  Json json(Json::Object{});
  json.set("id", spec.id).set("version", spec.version);
  set_text(json, "vendor", spec.vendor);
  json.set("license", spec.license).set("summary", spec.summary);
  set_texts(json, "requirements", spec.requirements);
  Json components(Json::Array{});
  for (const ComponentSpec &component : spec.components) components.push(to_json(component));
  return json.set("components", std::move(components));
}

Result<PluginSpec> plugin_spec_from_json(const Json &value, std::string_view place,
                                         UnknownMembers unknown) {
  FLAME_ASSIGN(PluginSpec spec, SpecReader(unknown).plugin(value, place));
  if (const Status checked = check_descriptor(spec); !checked.ok()) {
    return plugin_error(fmt::format("{}: {}", place, checked.error().what));
  }
  return spec;
}

}  // namespace flame
