// From an installed backend component to an open device.
#pragma once

#include "core/plugin/plugin_host.h"
#include "core/runtime/device.h"

namespace flame {

// Starts the plugin of a backend component. `host` outlives what is opened with the answer.
Result<Backend> start_backend(PluginHost &host, const Catalogue::Match &match);

struct OpenDeviceRequest {
  std::string reference;  // what `use:` would say: "onednn"
  uint32_t index = 0;
  bool deterministic = false;
  // Values that differ from the options' defaults, by option name, as they would stand in a file.
  std::vector<std::pair<std::string, std::string>> options = {};
};

// Finds, starts and opens it. Errors name the backend and say which there are, or which option it
// has not.
Result<std::unique_ptr<Device>> open_device(PluginHost &host, const Catalogue &catalogue,
                                            const OpenDeviceRequest &request);

}  // namespace flame
