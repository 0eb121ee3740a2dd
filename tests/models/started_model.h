// The models of first-party plugins, for their tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/io/model_config.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_model.h"

namespace flame::model_test {

// Options that differ from their defaults, with their items.
using Settings = std::vector<std::pair<std::string, std::vector<Scalar>>>;

// The host outlives it.
inline Result<PluginModel> start_model(PluginHost &host, const std::string &component,
                                       const Settings &settings = {}) {
  const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("model", component));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  std::vector<OptionValue> given;
  for (const auto &[name, items] : settings)
    given.push_back({name, started.component->find_option(name)->list, items});
  FLAME_ASSIGN(const AttributeList options, model_options(*started.component, given));
  return PluginModel::create(started, options);
}

}  // namespace flame::model_test
