#include "core/pipeline/reference.h"

#include <fmt/core.h>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/pipeline/page.h"
#include "core/pipeline/sections.h"
#include "core/plugin/option_value.h"

namespace flame {
namespace {

// Text of plugins may hold what Markdown or a table would take for its own.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\n') {
      out += ' ';
      continue;
    }
    if (std::string_view("\\`*_|<>[]").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Within a table a bar ends the cell, in code too.
std::string code_in_table(std::string_view text) {
  std::string out = "`";
  for (const char c : printable(text)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out + "`";
}

std::string option_rows(const ComponentSpec &component, bool configuration = false) {
  std::string text;
  for (const OptionSpec &option : component.options) {
    if (option.configuration != configuration) continue;
    const std::string standard = option.required       ? "must be given"
                                 : option.default_text ? code_in_table(default_text_of(option))
                                                       : "unset";
    text +=
        fmt::format("| `{}` | {}{} | {} | {} |\n", option.name, option.list ? "a list, each " : "",
                    escaped(expectation(option)), standard, escaped(option.help));
  }
  return text;
}

constexpr std::string_view kTableHead =
    "\n| key | takes | default | meaning |\n|---|---|---|---|\n";

void add_component(const Catalogue::Match &match, std::string &text) {
  const ComponentSpec &component = *match.component;
  text += fmt::format("\n### {} `{}`\n\n{}{}\n", component.kind, component.id,
                      escaped(component.summary),
                      match.plugin ? fmt::format(" From `{}`.", match.plugin->spec().id) : "");
  const std::string rows = option_rows(component), configuration = option_rows(component, true);
  if (component.options.empty()) text += "\nIt has no options.\n";
  if (!rows.empty()) text += std::string(kTableHead) + rows;
  if (configuration.empty()) return;
  text += "\nWhat its files say, such as config.json, and may be given too:\n";
  text += std::string(kTableHead) + configuration;
}

void add_section(const SectionSpec &section, const std::string &path, const Components &components,
                 std::string &text) {
  text += path.empty() ? "\n## At the top\n" : fmt::format("\n## `{}`\n", path);
  text += fmt::format("\n{}{}\n", escaped(section.own.summary),
                      section.list ? " A list; each item has these keys." : "");
  std::string rows;
  if (!section.kind.empty()) {
    rows = fmt::format(
        "| `use` | an id | {} | Which {}; its own options stand beside these. |\n",
        section.default_use.empty() ? "must be given" : fmt::format("`{}`", section.default_use),
        section.kind == FLAME_KIND_DATA ? "data source" : section.kind);
  }
  rows += option_rows(section.own);
  for (const SectionSpec &inner : section.sections) {
    rows += fmt::format("| `{}` | a section | {} | {} |\n", inner.key,
                        inner.required ? "must be given" : "left out", escaped(inner.own.summary));
  }
  if (path.empty()) {
    rows += fmt::format("| `{}` | plugin ids and files | left out | {} |\n", kPinsKey, kPinsHelp);
  }
  text += std::string(kTableHead) + rows;
  for (const std::string &reference : components.short_references(section.kind)) {
    const auto match = components.find(section.kind, reference);
    if (match.ok()) add_component(*match, text);
  }
  for (const SectionSpec &inner : section.sections) {
    add_section(inner, child_path(path, inner.key), components, text);
  }
}

}  // namespace

std::string reference_markdown(const Components &components) {
  std::string text =
      "# The pipeline file\n\n"
      "Made from the tables by `flamehost schema --markdown`, which adds the plugins that you "
      "have.\n";
  add_section(pipeline_sections(), "", components, text);
  return text;
}

}  // namespace flame
