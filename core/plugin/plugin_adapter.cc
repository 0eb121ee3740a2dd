#include "core/plugin/plugin_adapter.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/ops/catalogue/abi_attributes.h"
#include "core/program/builder_bridge.h"

namespace flame {
namespace {

// Owns the plugin's object.
class PluginAdapter {
 public:
  PluginAdapter(const flame_adapter_interface &table, std::string plugin_id, flame_adapter *adapter)
      : table_(table), plugin_id_(std::move(plugin_id)), adapter_(adapter) {}
  PluginAdapter(const PluginAdapter &) = delete;
  PluginAdapter &operator=(const PluginAdapter &) = delete;
  ~PluginAdapter() { table_.destroy(adapter_); }

  Result<ValueId> adapt(ProgramBuilder &builder, const Layer &layer) const {
    const AbiAttributes attributes(*layer.attributes);
    flame_layer given{};
    given.struct_size = sizeof(given);
    given.name = flame_text(layer.name);
    given.op = flame_text(layer.op);
    given.input = layer.input;
    given.weight = layer.weight;
    given.output = layer.output;
    given.attribute_count = attributes.count();
    given.attributes = attributes.data();
    flame_layer_draw draw{};
    if (layer.draw) {
      draw = {sizeof(draw),        layer.draw->stream,   layer.draw->seed,
              layer.draw->counter, layer.draw->learning, 0};
      given.draw = &draw;
    }
    BuilderBridge bridge(builder);
    CallScope scope(plugin_id_, "flame.adapter/1 adapt");
    flame_value out = 0;
    FLAME_TRY(scope.finish(table_.adapt(adapter_, scope.call(), &given, bridge.table(), &out)));
    FLAME_TRY(builder.status());
    return ValueId{out};
  }

 private:
  const flame_adapter_interface &table_;
  std::string plugin_id_;
  flame_adapter *adapter_;
};

Error in_choice(std::string_view choice, Error error) {
  error.what = fmt::format("layers '{}': {}", printable(choice), error.what);
  return error;
}

// The component's options with those of one choice in their place.
Result<AttributeList> options_for(const ComponentSpec &component,
                                  const std::vector<OptionValue> &options,
                                  const LayerChoice &choice) {
  for (const auto &[name, text] : choice.options) {
    if (component.find_option(name)) continue;
    std::vector<std::string> names;
    for (const OptionSpec &option : component.options) names.push_back(option.name);
    return config_error(
        fmt::format("adapter '{}' has no option '{}'", component.id, printable(name)),
        did_you_mean(name, names));
  }
  AttributeList list;
  for (const OptionSpec &spec : component.options) {
    const auto own =
        std::ranges::find(choice.options, spec.name, &std::pair<std::string, std::string>::first);
    const auto given = std::ranges::find(options, spec.name, &OptionValue::name);
    if (own != choice.options.end()) {
      FLAME_ASSIGN(Scalar value, parse_scalar(spec, own->second, false));
      list.add(spec, {spec.name, spec.list, {std::move(value)}});
    } else if (given != options.end()) {
      list.add(spec, *given);
    } else if (spec.default_text) {
      list.add(spec, default_value(spec));
    }
  }
  return list;
}

}  // namespace

Result<AdaptFunction> plugin_adapter(const flame_adapter_interface &table, std::string plugin_id,
                                     std::string_view component, const AttributeList &options) {
  flame_adapter *made = nullptr;
  CallScope scope(plugin_id, "flame.adapter/1 create");
  FLAME_TRY(scope.finish(
      table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
  if (!made) {
    return plugin_error(
        fmt::format("{}: the adapter was created, but is a null pointer", plugin_id),
        "use another version of the plugin, or tell its author");
  }
  const auto adapter = std::make_shared<const PluginAdapter>(table, plugin_id, made);
  return AdaptFunction([adapter](ProgramBuilder &builder, const Layer &layer) {
    return adapter->adapt(builder, layer);
  });
}

Result<AdaptRequest> adapt_request(const StartedComponent &adapter,
                                   const std::vector<OptionValue> &options,
                                   const std::vector<std::string> &layers) {
  AdaptRequest request;
  const std::vector<std::string> all{"**"};
  for (const std::string &text : layers.empty() ? all : layers) {
    FLAME_ASSIGN(const LayerChoice choice, parse_layer_choice(text));
    AdaptRule rule{choice.pattern, {}};
    if (!choice.leave) {
      const Result<AttributeList> list = options_for(*adapter.component, options, choice);
      if (!list.ok()) return in_choice(text, list.error());
      Result<AdaptFunction> function =
          plugin_adapter(adapter.table<flame_adapter_interface>(), adapter.plugin->id(),
                         adapter.component->id, *list);
      if (!function.ok()) return in_choice(text, function.error());
      rule.adapt = std::move(*function);
    }
    request.rules.push_back(std::move(rule));
  }
  return request;
}

}  // namespace flame
