// The data source image-folder, started as a run does it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/plugin/plugin_data_source.h"
#include "core/plugin/plugin_host.h"

namespace flame::data_test {

// Options that differ from their defaults, with their items.
using Settings = std::vector<std::pair<std::string, std::vector<Scalar>>>;

// The host outlives the source.
inline Result<PluginDataSource> open_images(PluginHost &host, const Settings &settings) {
  const Catalogue catalogue = Catalogue::scan({FLAME_PLUGINS});
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find("data", "image-folder"));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  AttributeList options;
  for (const auto &[name, items] : settings) {
    const OptionSpec *option = started.component->find_option(name);
    options.add(*option, {name, option->list, items});
  }
  return PluginDataSource::create(started.table<flame_data_source_interface>(),
                                  "org.flamehost.image-folder", "image-folder", options);
}

}  // namespace flame::data_test
