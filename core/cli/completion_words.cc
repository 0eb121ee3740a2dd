#include "core/cli/completion_words.h"

#include <algorithm>
#include <set>

#include "core/cli/installed.h"

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

}  // namespace

std::vector<std::string> completion_words(std::string_view kind, const Arguments &arguments) {
  if (kind == "commands") return command_words();
  if (kind == "components") return component_words(arguments);
  return {};
}

}  // namespace flame::cli
