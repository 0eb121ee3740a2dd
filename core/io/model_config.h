// The configurations that models are published with (config.json of diffusers and transformers), as
// the options of a component.
#pragma once

#include <filesystem>
#include <optional>

#include "core/base/json.h"
#include "core/plugin/attribute_list.h"

namespace flame {

// Keys of the framework that never change a number are passed over; null, false, 0 and what is empty
// mean "not used" for keys that the component does not have; one scalar is a list of one. Every
// other unknown key and every wrong value is named, all in one error (kBadConfig). `name` is what
// the configuration is called in it.
Result<std::vector<OptionValue>> read_model_config(const Json &config,
                                                   const ComponentSpec &component,
                                                   std::string_view name);

// The options as the plugin gets them: the given ones, then defaults. The error names an option that
// must be given and is not.
Result<AttributeList> model_options(const ComponentSpec &component,
                                    const std::vector<OptionValue> &given);

// The file's JSON. Errors: kStorage, kBadConfig.
Result<Json> read_config_file(const std::filesystem::path &file);

// The config.json beside a file of weights, or in their folder; nothing if there is none.
std::optional<std::filesystem::path> config_beside(const std::filesystem::path &weights);

}  // namespace flame
