// Models and their weights, as commands name them.
#pragma once

#include "core/base/json.h"
#include "core/cli/command.h"
#include "core/io/weight_match.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_model.h"

namespace flame::cli {

// Starts the plugin of a model component and makes the model of a configuration with published names;
// null: the defaults. `config_name` is what it is called in errors. The host outlives the model.
Result<PluginModel> open_model(PluginHost &host, const Catalogue &catalogue,
                               const std::string &reference, const Json *config,
                               std::string_view config_name);

// The plugin's own configuration, where a name of one is given.
inline constexpr std::string_view kFullConfig = "full";

// Whether that names an installed configuration, such as "tiny", and no file.
bool is_installed_config(const std::string &config);

// The file of a configuration that is installed for the model, such as "tiny". The error lists them.
Result<std::filesystem::path> find_model_config(const Catalogue &catalogue,
                                                const std::string &reference,
                                                const std::string &name);

// One path: what open_weights() makes of it. Several: one set of all the files.
Result<std::vector<WeightSet>> open_weight_paths(std::span<const std::string> paths,
                                                 const std::string &variant);

}  // namespace flame::cli
