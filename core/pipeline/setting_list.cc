#include "core/pipeline/setting_list.h"

#include <fmt/core.h>

#include "core/plugin/quantity_text.h"

namespace flame {
namespace {

std::string text_of(const Scalar &scalar, OptionType type) {
  if (const auto *number = std::get_if<int64_t>(&scalar))
    return type == OptionType::kSize ? size_text(*number) : std::to_string(*number);
  if (const auto *number = std::get_if<double>(&scalar))
    return type == OptionType::kDuration ? duration_text(*number) : fmt::format("{}", *number);
  if (const auto *truth = std::get_if<bool>(&scalar)) return *truth ? "true" : "false";
  return std::get<std::string>(scalar);
}

std::string text_of(const OptionValue &value, const ComponentSpec *spec) {
  const OptionSpec *option = spec ? spec->find_option(value.name) : nullptr;
  std::string text;
  for (const Scalar &item : value.items) {
    if (!text.empty()) text += ", ";
    text += text_of(item, option ? option->type : OptionType::kString);
  }
  return value.list ? "[" + text + "]" : text;
}

void add(const ResolvedSection &section, std::vector<Setting> &list) {
  const std::string prefix = section.path.empty() ? "" : section.path + ".";
  if (!section.use.empty()) list.push_back({prefix + "use", section.use});
  for (const OptionValue &value : section.options)
    list.push_back({prefix + value.name, text_of(value, &section.spec->own)});
  for (const OptionValue &value : section.component_options)
    list.push_back({prefix + value.name, text_of(value, section.component.component)});
  for (const ResolvedSection &each : section.sections) add(each, list);
}

}  // namespace

std::vector<Setting> settings_of(const ResolvedSection &root) {
  std::vector<Setting> list;
  add(root, list);
  return list;
}

}  // namespace flame
