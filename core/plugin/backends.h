// From an installed backend component to an open device.
#pragma once

#include "core/plugin/option_value.h"
#include "core/plugin/plugin_host.h"
#include "core/runtime/device.h"

namespace flame {

// Starts the plugin of a backend component. `host` outlives what is opened with the answer.
Result<Backend> start_backend(PluginHost &host, const Catalogue::Match &match);

// The backend that stands for the best one that opens.
inline constexpr std::string_view kAutomaticBackend = "auto";

struct OpenDeviceRequest {
  // What `use:` would say: "onednn"; "auto" is the first that opens of cuda, onednn and reference.
  std::string reference;
  uint32_t index = 0;
  bool deterministic = false;
  // Values that differ from the options' defaults, by option name, as they would stand in a file.
  std::vector<std::pair<std::string, std::string>> options = {};
  std::vector<OptionValue> values = {};  // the same, read already
  bool tf32 = false;                     // sets the option of that name where there is one
  std::string threads = {};              // the same; empty: unset
};

// "onednn", "cuda:tf32=true,determinism=strict": a backend, and behind a colon its options.
// `determinism` (fast or strict) is none of them, but the host's.
Result<OpenDeviceRequest> read_device_request(std::string_view text);

// Finds, starts and opens it. Errors name the backend and say which there are, or which option it
// has not. For "auto" the log says which it is and why the ones before it are not.
Result<std::unique_ptr<Device>> open_device(PluginHost &host, const Catalogue &catalogue,
                                            const OpenDeviceRequest &request);

}  // namespace flame
