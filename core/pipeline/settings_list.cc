#include "core/pipeline/settings_list.h"

#include <fmt/core.h>

#include <algorithm>
#include <type_traits>

#include "core/pipeline/sections.h"

namespace flame {
namespace {

Json json_of(const Scalar &scalar) {
  return std::visit([](const auto &value) { return Json(value); }, scalar);
}

Json json_of(const OptionValue &option) {
  if (!option.list) return json_of(option.items.front());
  Json::Array items;
  for (const Scalar &item : option.items) items.push_back(json_of(item));
  return items;
}

std::string key_of(const ResolvedSection &section, std::string_view name) {
  return child_path(section.path, name);
}

void add_section(const ResolvedSection &section, Json::Object &list) {
  const auto add = [&](const OptionValue &option) {
    if (option.list || !option.items.empty())
      list.emplace_back(key_of(section, option.name), json_of(option));
  };
  if (section.component.component) {
    const std::string &id = section.component.component->id;
    const InstalledPlugin *plugin = section.component.plugin;
    list.emplace_back(key_of(section, "use"),
                      plugin ? fmt::format("{}/{}", plugin->spec().id, id) : id);
  }
  for (const OptionValue &option : section.options) add(option);
  // What a section takes for its component, as an exporter's path, stands in both.
  for (const OptionValue &option : section.component_options)
    if (std::ranges::find(section.options, option.name, &OptionValue::name) ==
        section.options.end())
      add(option);
  for (const ResolvedSection &each : section.sections) add_section(each, list);
}

std::string text_of(const Json *value) {
  return value ? value->dump() : "unset";
}

// The option of that key and the section that it stands in, or nulls.
struct FoundOption {
  const ResolvedSection *section = nullptr;
  const OptionSpec *option = nullptr;
};

FoundOption find_option(const ResolvedSection &section, std::string_view key) {
  const size_t dot = key.rfind('.');
  const std::string_view path = dot == key.npos ? "" : key.substr(0, dot);
  if (section.path == path) {
    const std::string_view name = key.substr(dot == key.npos ? 0 : dot + 1);
    const OptionSpec *option = section.spec->own.find_option(name);
    if (!option && section.component.component)
      option = section.component.component->find_option(name);
    return {&section, option};
  }
  for (const ResolvedSection &each : section.sections)
    if (const FoundOption found = find_option(each, key); found.section) return found;
  return {};
}

bool rate_is_constant(const Pipeline &pipeline) {
  const ResolvedSection *train = pipeline.root.find_section("train");
  const ResolvedSection *schedule = train ? train->find_section("schedule") : nullptr;
  return !schedule || schedule->component.component->id == "constant";
}

}  // namespace

Json settings_list(const Pipeline &pipeline) {
  Json::Object list;
  add_section(pipeline.root, list);
  return list;
}

std::string ChangedSetting::text() const {
  return fmt::format("{}: {} -> {}", key, before, after);
}

std::vector<ChangedSetting> changed_settings(const Json &before, const Json &after) {
  std::vector<ChangedSetting> changes;
  for (const auto &[key, value] : *after.as_object()) {
    const std::string old = text_of(before.find(key)), now = value.dump();
    if (old != now) changes.push_back({key, old, now});
  }
  for (const auto &[key, value] : *before.as_object())
    if (!after.find(key)) changes.push_back({key, value.dump(), text_of(nullptr)});
  return changes;
}

bool may_change_freely(const Pipeline &pipeline, std::string_view key) {
  constexpr std::string_view kFree[] = {"run", "flame", "train.checkpoint_every", "train.keep",
                                        "train.validate_every"};
  if (std::ranges::find(kFree, key) != std::end(kFree)) return true;
  // LoRAs of files are added to the weights, of what is trained too.
  if (key.starts_with("sample.loras")) return false;
  if (key.starts_with("sample.") || key.starts_with("export.")) return true;
  // Every other schedule reaches its end at the last step.
  if (key == "train.steps") return rate_is_constant(pipeline);
  const OptionSpec *option = find_option(pipeline.root, key).option;
  return option && option->type == OptionType::kPath;
}

}  // namespace flame
