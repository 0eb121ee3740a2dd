#include "core/pipeline/schema.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/base/suggest.h"
#include "core/base/text.h"
#include "core/pipeline/option_schema.h"
#include "core/pipeline/sections.h"

namespace flame {
namespace {

constexpr std::string_view kDraft = "http://json-schema.org/draft-07/schema#";
constexpr std::string_view kDefinitions = "#/definitions/";

Json refer(std::string_view definition) {
  Json schema;
  schema.set("$ref", std::string(kDefinitions) + std::string(definition));
  return schema;
}

// A mapping that is put together from several tables.
class Mapping {
 public:
  explicit Mapping(std::string_view summary) {
    schema_.set("type", "object").set("description", summary);
  }
  void add(std::string_view key, Json schema, bool required) {
    properties_.set(std::string(key), std::move(schema));
    const bool known = std::any_of(required_.begin(), required_.end(),
                                   [&](const Json &name) { return *name.as_string() == key; });
    if (required && !known) required_.emplace_back(std::string(key));
  }
  void add(const ComponentSpec &component) {
    for (const OptionSpec &option : component.options) {
      add(option.name, option_schema(option), option.required);
    }
  }
  Json finish() && {
    schema_.set("properties", properties_.is_null() ? Json(Json::Object{}) : properties_);
    if (!required_.empty()) schema_.set("required", required_);
    schema_.set("additionalProperties", false);
    return std::move(schema_);
  }

 private:
  Json schema_;
  Json properties_;
  Json::Array required_;
};

class SchemaWriter {
 public:
  explicit SchemaWriter(const Components &components) : components_(components) {
    Mapping root(pipeline_sections().own.summary);
    root.add(pipeline_sections().own);
    Json run = *root_option("run");
    run.set("pattern", kRunNamePattern);
    root.add("run", std::move(run), false);
    root.add(kPinsKey, pins(), false);
    add_sections(pipeline_sections(), "", root);
    root_ = std::move(root).finish();
  }

  const std::map<std::string, Json> &definitions() const { return definitions_; }
  const Json &root() const { return root_; }

  // The schema with those definitions that it needs.
  Json whole(const Json &schema, std::string_view title) const {
    Json whole;
    whole.set("$schema", kDraft).set("title", title);
    for (const Json::Member &member : *schema.as_object()) whole.set(member.first, member.second);
    std::set<std::string> needed;
    collect(schema, needed);
    if (needed.empty()) return whole;
    Json used;
    for (const std::string &name : needed) used.set(name, definitions_.at(name));
    return whole.set("definitions", std::move(used));
  }

 private:
  static std::optional<Json> root_option(std::string_view name) {
    const OptionSpec *option = pipeline_sections().own.find_option(name);
    return option ? std::optional(option_schema(*option)) : std::nullopt;
  }

  static Json pins() {
    OptionSpec library;
    library.type = OptionType::kPath;
    library.help = "The path of the plugin's library.";
    Json schema;
    schema.set("type", "object").set("description", kPinsHelp);
    return schema.set("additionalProperties", option_schema(library));
  }

  void collect(const Json &schema, std::set<std::string> &names) const {
    if (const Json::Array *items = schema.as_array()) {
      for (const Json &item : *items) collect(item, names);
    }
    const Json::Object *members = schema.as_object();
    if (!members) return;
    for (const auto &[key, value] : *members) {
      if (key != "$ref" || !value.as_string()) {
        collect(value, names);
        continue;
      }
      const std::string name = value.as_string()->substr(kDefinitions.size());
      if (names.insert(name).second) collect(definitions_.at(name), names);
    }
  }

  void add_sections(const SectionSpec &outer, const std::string &path, Mapping &mapping) {
    for (const SectionSpec &section : outer.sections) {
      const std::string name = child_path(path, section.key);
      define_section(section, name);
      Json schema = refer(name);
      if (section.list) {
        Json list;
        list.set("type", "array").set("description", section.own.summary).set("items", schema);
        schema = std::move(list);
      }
      mapping.add(section.key, std::move(schema), section.required);
    }
  }

  void define_section(const SectionSpec &section, const std::string &path) {
    if (section.kind.empty()) {
      Mapping mapping(section.own.summary);
      mapping.add(section.own);
      add_sections(section, path, mapping);
      definitions_[path] = std::move(mapping).finish();
      return;
    }
    Json use;
    Json::Array names, cases;
    for (const ComponentSpec *component : components_.of_kind(section.kind)) {
      const std::vector<std::string> references = references_of(*component);
      names.insert(names.end(), references.begin(), references.end());
      const std::string definition = define_component(section, *component, references.front());
      cases.push_back(when_used(references, definition));
      if (component->id == section.default_use) cases.push_back(when_left_out(definition));
    }
    use.set("description", fmt::format("Which {}.", section.kind));
    if (!section.default_use.empty()) use.set("default", section.default_use);
    if (names.empty()) {
      use.set("description", fmt::format("No {} is installed.", section.kind));
      use.set("not", Json::Object{});
    } else {
      use.set("enum", names);
    }
    Json properties, schema;
    properties.set("use", std::move(use));
    schema.set("type", "object").set("description", section.own.summary);
    schema.set("properties", std::move(properties));
    if (section.default_use.empty()) schema.set("required", Json::Array{"use"});
    if (!cases.empty()) schema.set("allOf", std::move(cases));
    definitions_[path] = std::move(schema);
  }

  // Every way to name the component, the shortest first.
  std::vector<std::string> references_of(const ComponentSpec &component) const {
    std::vector<std::string> references;
    for (const std::string &reference : components_.references(component.kind)) {
      const Result<Catalogue::Match> match = components_.find(component.kind, reference);
      if (match.ok() && match->component == &component) references.push_back(reference);
    }
    std::stable_sort(
        references.begin(), references.end(),
        [](const std::string &a, const std::string &b) { return a.size() < b.size(); });
    return references;
  }

  std::string define_component(const SectionSpec &section, const ComponentSpec &component,
                               const std::string &reference) {
    Mapping mapping(component.summary);
    mapping.add("use", true, section.default_use.empty());
    mapping.add(section.own);
    mapping.add(component);
    const std::string name = fmt::format("{}.{}", component.kind, replace_all(reference, "/", ":"));
    definitions_[name] = std::move(mapping).finish();
    return name;
  }

  static Json when_used(const std::vector<std::string> &references, std::string_view definition) {
    Json use, properties, condition, schema;
    use.set("enum", Json::Array(references.begin(), references.end()));
    properties.set("use", std::move(use));
    condition.set("properties", std::move(properties)).set("required", Json::Array{"use"});
    return schema.set("if", std::move(condition)).set("then", refer(definition));
  }

  static Json when_left_out(std::string_view definition) {
    Json use, condition, schema;
    use.set("required", Json::Array{"use"});
    condition.set("not", std::move(use));
    return schema.set("if", std::move(condition)).set("then", refer(definition));
  }

  const Components &components_;
  std::map<std::string, Json> definitions_;
  Json root_;
};

}  // namespace

Json pipeline_schema(const Components &components) {
  const SchemaWriter writer(components);
  return writer.whole(writer.root(), "flamehost pipeline");
}

Result<Json> schema_of(std::string_view name, const Components &components) {
  const SchemaWriter writer(components);
  const auto found = writer.definitions().find(replace_all(std::string(name), "/", ":"));
  if (found != writer.definitions().end()) return writer.whole(found->second, name);
  const std::vector<std::string> names = schema_names(components);
  std::string hint = did_you_mean(name, names);
  if (hint.empty()) hint = "there are: " + join(names, ", ");
  return config_error(fmt::format("no section or component '{}' is known", name), std::move(hint));
}

std::vector<std::string> schema_names(const Components &components) {
  const SchemaWriter writer(components);
  std::vector<std::string> names;
  for (const auto &[name, schema] : writer.definitions()) names.push_back(name);
  return names;
}

}  // namespace flame
