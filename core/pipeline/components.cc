#include "core/pipeline/components.h"

#include <algorithm>

#include "core/pipeline/sections.h"

namespace flame {

Result<Catalogue::Match> Components::find(std::string_view kind, std::string_view reference) const {
  for (const ComponentSpec &component : built_in_components()) {
    if (component.kind == kind && component.id == reference) {
      return Catalogue::Match{nullptr, &component};
    }
  }
  return catalogue_->find(kind, reference);
}

std::vector<std::string> Components::references(std::string_view kind) const {
  std::vector<std::string> names;
  for (const ComponentSpec &component : built_in_components()) {
    if (component.kind == kind) names.push_back(component.id);
  }
  for (std::string &name : catalogue_->references(kind)) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::vector<std::string> Components::short_references(std::string_view kind) const {
  std::vector<std::string> names = references(kind);
  std::erase_if(names, [](const std::string &name) { return name.find('/') != std::string::npos; });
  return names;
}

std::vector<const ComponentSpec *> Components::of_kind(std::string_view kind) const {
  std::vector<const ComponentSpec *> components;
  for (const std::string &reference : references(kind)) {
    const Result<Catalogue::Match> match = find(kind, reference);
    if (!match.ok()) continue;
    const bool known =
        std::find(components.begin(), components.end(), match->component) != components.end();
    if (!known) components.push_back(match->component);
  }
  return components;
}

std::vector<std::string> Components::kinds_of(std::string_view id) const {
  std::vector<std::string> kinds;
  const auto look = [&](const ComponentSpec &component) {
    const bool known = std::find(kinds.begin(), kinds.end(), component.kind) != kinds.end();
    if (component.id == id && !known) kinds.push_back(component.kind);
  };
  for (const ComponentSpec &component : built_in_components()) look(component);
  for (const InstalledPlugin &plugin : catalogue_->plugins()) {
    for (const ComponentSpec &component : plugin.spec().components) look(component);
  }
  return kinds;
}

}  // namespace flame
