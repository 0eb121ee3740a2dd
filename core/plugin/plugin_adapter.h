// Adapters of plugins, as the pass `adapt` asks for them.
#pragma once

#include <string>
#include <vector>

#include "core/passes/adapt.h"
#include "core/plugin/attribute_list.h"
#include "core/plugin/plugin_host.h"
#include "flame/adapter.h"

namespace flame {

// An adapter object of a plugin as a function; it ends with the last copy, before the plugin stops.
// Errors of a call: the plugin's own, or kBadPlugin that says how it breaks flame/adapter.h.
Result<AdaptFunction> plugin_adapter(const flame_adapter_interface &table, std::string plugin_id,
                                     std::string_view component, const AttributeList &options);

// What a pipeline says: the component with its options, and layers as parse_layer_choice() reads
// them, in their order; "**" if there are none. Layers with options of their own get an adapter of
// their own. Errors (kBadConfig) name the choice and the option.
Result<AdaptRequest> adapt_request(const StartedComponent &adapter,
                                   const std::vector<OptionValue> &options,
                                   const std::vector<std::string> &layers);

}  // namespace flame
