// What `use:` may name: the components of installed plugins, and those that are built in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/catalogue.h"

namespace flame {

// Borrows the catalogue.
class Components {
 public:
  explicit Components(const Catalogue &catalogue) : catalogue_(&catalogue) {}

  // Like Catalogue::find; a built-in component has no plugin.
  Result<Catalogue::Match> find(std::string_view kind, std::string_view reference) const;
  // Every reference that find() takes, built-in ones first; and those without a plugin's id alone.
  std::vector<std::string> references(std::string_view kind) const;
  std::vector<std::string> short_references(std::string_view kind) const;
  // What the references name, in their order, each once.
  std::vector<const ComponentSpec *> of_kind(std::string_view kind) const;
  // The kinds for which there is a component of that id.
  std::vector<std::string> kinds_of(std::string_view id) const;

 private:
  const Catalogue *catalogue_;
};

}  // namespace flame
