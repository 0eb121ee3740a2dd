#include "core/pipeline/page.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/pipeline/schema.h"
#include "core/pipeline/sections.h"
#include "core/plugin/option_value.h"

namespace flame {
namespace {

std::string options_text(const ComponentSpec &component, bool configuration) {
  std::string text;
  for (const OptionSpec &option : component.options) {
    if (option.configuration != configuration) continue;
    const std::string need = option.required       ? "must be given"
                             : option.default_text ? "default " + default_text_of(option)
                                                   : "may be left out";
    text +=
        fmt::format("\n  {}: {}{}, {}\n      {}\n", option.name, option.list ? "a list, each " : "",
                    expectation(option), need, printable(option.help));
    if (!option.deprecated_by.empty()) {
      text += fmt::format("      Replaced by '{}'.\n", option.deprecated_by);
    }
    if (!option.aliases.empty()) {
      text += fmt::format("      Elsewhere: {}\n", join(option.aliases, ", "));
    }
  }
  return text;
}

// The section at "train.optimizer", or null.
const SectionSpec *section_at(std::string_view path) {
  const SectionSpec *section = &pipeline_sections();
  while (section && !path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    section = section->find_section(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return section;
}

// The path of the section whose `use:` takes that kind.
std::string section_of_kind(const SectionSpec &outer, std::string_view kind,
                            const std::string &path) {
  for (const SectionSpec &section : outer.sections) {
    const std::string inner = child_path(path, section.key);
    if (section.kind == kind) return inner;
    std::string found = section_of_kind(section, kind, inner);
    if (!found.empty()) return found;
  }
  return {};
}

std::string section_page(std::string_view path, const SectionSpec &section,
                         const Components &components) {
  std::string text = fmt::format("{}: {}\n", path, section.own.summary);
  if (section.list) text += "A list; each item has these keys.\n";
  if (!section.kind.empty()) {
    text += fmt::format(
        "\n  use: which {}, {}\n", section.kind,
        section.default_use.empty() ? "must be given" : "default " + section.default_use);
    for (const ComponentSpec *component : components.of_kind(section.kind)) {
      text += fmt::format("      {}: {}\n", component->id, printable(component->summary));
    }
  }
  text += options_text(section.own, false);
  for (const SectionSpec &inner : section.sections) {
    text += fmt::format("\n  {}: a section, {}\n      {}\n", inner.key,
                        inner.required ? "must be given" : "may be left out", inner.own.summary);
  }
  if (!section.kind.empty()) {
    text += fmt::format("\nBeside these stand the options of the {}: flamehost schema {}.ID\n",
                        section.kind, section.kind);
  }
  return text;
}

std::string component_page(const Catalogue::Match &match) {
  const ComponentSpec &component = *match.component;
  std::string text =
      fmt::format("{} {}: {}\n", component.kind, component.id, printable(component.summary));
  if (match.plugin) {
    text += fmt::format("From {} {}, {}\n", match.plugin->spec().id, match.plugin->spec().version,
                        printable(match.plugin->library_file.string()));
  }
  const std::string section = section_of_kind(pipeline_sections(), component.kind, "");
  if (!section.empty() && !section_at(section)->own.options.empty()) {
    text += fmt::format("In '{}', which has options of its own: flamehost schema {}\n", section,
                        section);
  }
  if (component.options.empty()) return text + "\n  no options\n";
  text += options_text(component, false);
  const std::string configuration = options_text(component, true);
  if (!configuration.empty())
    text += "\nWhat its files say, such as config.json, and may be given too:\n" + configuration;
  return text;
}

}  // namespace

std::string default_text_of(const OptionSpec &option) {
  if (option.default_text->empty()) return option.list ? "[]" : "''";
  return printable(*option.default_text);
}

Result<std::string> page_of(std::string_view name, const Components &components) {
  const SectionSpec *section = name.empty() ? nullptr : section_at(name);
  if (section) return section_page(name, *section, components);
  const size_t dot = name.find('.');
  if (dot != std::string_view::npos) {
    const auto match = components.find(name.substr(0, dot), name.substr(dot + 1));
    if (match.ok()) return component_page(*match);
  }
  return schema_of(name, components).error();
}

}  // namespace flame
