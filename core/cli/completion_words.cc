#include "core/cli/completion_words.h"

#include <set>

#include "core/cli/installed.h"
#include "core/pipeline/sections.h"
#include "core/pipeline/template.h"

namespace flame::cli {
namespace {

std::vector<std::string> command_words() {
  std::vector<std::string> words;
  for (const Command *command : commands()) {
    const std::string group = command->group.empty() ? "" : std::string(command->group) + " ";
    words.push_back(group + std::string(command->name));
  }
  return words;
}

std::vector<std::string> component_words(const Arguments &arguments) {
  std::set<std::string> words;
  const Catalogue catalogue = installed_catalogue(arguments);
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    words.insert(plugin.spec().id);
    for (const ComponentSpec &component : plugin.spec().components) words.insert(component.id);
  }
  return {words.begin(), words.end()};
}

// The keys of a section's own options and of every component's that can stand there.
void add_settings(const SectionSpec &section, const std::string &prefix,
                  const Components &components, std::set<std::string> &words) {
  for (const OptionSpec &option : section.own.options) words.insert(prefix + option.name + "=");
  if (!section.kind.empty()) {
    words.insert(prefix + "use=");
    for (const ComponentSpec *component : components.of_kind(section.kind)) {
      for (const OptionSpec &option : component->options) words.insert(prefix + option.name + "=");
    }
  }
  for (const SectionSpec &inner : section.sections) {
    add_settings(inner, prefix + inner.key + (inner.list ? ".0." : "."), components, words);
  }
}

std::vector<std::string> setting_words(const Arguments &arguments) {
  std::set<std::string> words;
  const Catalogue catalogue = installed_catalogue(arguments);
  add_settings(pipeline_sections(), "", Components(catalogue), words);
  return {words.begin(), words.end()};
}

std::vector<std::string> template_words() {
  std::vector<std::string> words;
  for (const PipelineTemplate &entry : pipeline_templates()) words.emplace_back(entry.name);
  return words;
}

}  // namespace

std::vector<std::string> completion_words(std::string_view kind, const Arguments &arguments) {
  if (kind == "commands") return command_words();
  if (kind == "components") return component_words(arguments);
  if (kind == "settings") return setting_words(arguments);
  return template_words();
}

}  // namespace flame::cli
