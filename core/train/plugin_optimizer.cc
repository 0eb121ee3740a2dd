#include "core/train/plugin_optimizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/program/builder_bridge.h"

namespace flame {
namespace {

// Each is as large as the parameters: more is no optimizer, but a plugin that runs wild.
constexpr uint32_t kMaxStates = 64;

}  // namespace

Error PluginOptimizer::broken(std::string_view what) const {
  return plugin_error(fmt::format("{}: the optimizer {}", plugin_id_, what),
                      "use another version of the plugin, or tell its author");
}

Result<PluginOptimizer> PluginOptimizer::create(const flame_optimizer_interface &table,
                                                std::string plugin_id, std::string_view component,
                                                const AttributeList &options) {
  flame_optimizer *made = nullptr;
  {
    CallScope scope(plugin_id, "flame.optimizer/1 create");
    FLAME_TRY(scope.finish(
        table.create(scope.call(), flame_text(component), options.data(), options.size(), &made)));
  }
  PluginOptimizer optimizer(std::move(plugin_id), Handle(made, {&table}));
  if (!made) return optimizer.broken("was created, but is a null pointer");
  FLAME_TRY(optimizer.read_states());
  return optimizer;
}

Status PluginOptimizer::read_states() {
  for (uint32_t index = 0;; ++index) {
    flame_state_info info{};
    info.struct_size = sizeof(info);
    CallScope scope(plugin_id_, "flame.optimizer/1 describe_state");
    const flame_status status = table().describe_state(handle_.get(), scope.call(), index, &info);
    if (status == FLAME_ERROR_END) return {};
    FLAME_TRY(scope.finish(status));
    if (index == kMaxStates) return broken(fmt::format("has more than {} states", kMaxStates));
    const std::string name(text_of(info.name));
    const std::optional<DType> dtype = dtype_from_abi(info.dtype);
    if (name.empty() || !is_utf8(name) || std::ranges::count(states_, name, &StateSpec::name) != 0)
      return broken(fmt::format("names its state {} '{}', expected a name of its own in UTF-8",
                                index, printable(name)));
    if (info.dtype != 0 && !dtype)
      return broken(
          fmt::format("gives its state '{}' an element type that does not exist", printable(name)));
    if (!std::isfinite(info.initial))
      return broken(fmt::format("starts its state '{}' at {}, expected a finite number",
                                printable(name), info.initial));
    states_.push_back({name, info.dtype == 0 ? std::nullopt : dtype, info.initial});
  }
}

Result<StepOutputs> PluginOptimizer::build(ProgramBuilder &builder,
                                           const StepInputs &inputs) const {
  std::vector<flame_value> new_states(states_.size(), 0);
  flame_update update{};
  update.struct_size = sizeof(update);
  update.parameter = inputs.parameter;
  update.gradient = inputs.gradient;
  update.step = inputs.step;
  update.learning_rate = inputs.learning_rate;
  update.state_count = static_cast<uint32_t>(inputs.states.size());
  update.states = inputs.states.data();
  update.new_states = new_states.data();
  BuilderBridge bridge(builder);
  CallScope scope(plugin_id_, "flame.optimizer/1 build");
  FLAME_TRY(scope.finish(table().build(handle_.get(), scope.call(), bridge.table(), &update)));
  FLAME_TRY(builder.status());
  builder.set_source("", 0);
  const auto alike = [&](ValueId made, ValueId old, std::string_view what) -> Status {
    if (!builder.has(made)) return broken(fmt::format("gives no value as its new {}", what));
    if (builder.type_of(made) == builder.type_of(old)) return {};
    return broken(fmt::format("gives its new {} as {}, expected {}", what,
                              builder.type_of(made).text(), builder.type_of(old).text()));
  };
  FLAME_TRY(alike(update.new_parameter, inputs.parameter, "parameter"));
  for (size_t i = 0; i < new_states.size(); ++i) {
    FLAME_TRY(alike(new_states[i], inputs.states[i], "state '" + printable(states_[i].name) + "'"));
  }
  return StepOutputs{update.new_parameter, {new_states.begin(), new_states.end()}};
}

}  // namespace flame
