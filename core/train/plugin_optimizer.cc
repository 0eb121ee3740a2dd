#include "core/train/plugin_optimizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "core/base/call_scope.h"
#include "core/base/flame_text.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/program/builder_bridge.h"

namespace flame {
namespace {

// Most are as large as the parameters: more is no optimizer, but a plugin that runs wild.
constexpr uint32_t kMaxStates = 64;

// A group as the ABI has it, over the layout that it is made from.
class GroupTable {
 public:
  explicit GroupTable(const FlatGroup &layout) {
    for (const FlatSlice &part : layout.slices) {
      const Shape &shape = part.type.shape;
      slices_.push_back({part.offset, shape.begin(), static_cast<uint32_t>(shape.rank()), 0});
    }
    group_ = {sizeof group_, static_cast<uint32_t>(slices_.size()), layout.size, slices_.data()};
  }
  GroupTable(const GroupTable &) = delete;
  GroupTable &operator=(const GroupTable &) = delete;

  const flame_group *get() const { return &group_; }

 private:
  std::vector<flame_slice> slices_;
  flame_group group_;
};

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
    if (info.extent > FLAME_STATE_SHARED)
      return broken(fmt::format("gives its state '{}' the extent {}, which does not exist",
                                printable(name), info.extent));
    if (info.extent == FLAME_STATE_SIZED &&
        !FLAME_HAS(flame_optimizer_interface, &table(), state_size))
      return broken(
          fmt::format("has the sized state '{}', but no function state_size", printable(name)));
    states_.push_back({name, info.dtype == 0 ? std::nullopt : dtype, info.initial, info.extent});
  }
}

bool PluginOptimizer::shares_state() const {
  return std::ranges::count(states_, FLAME_STATE_SHARED, &StateSpec::extent) != 0;
}

Result<Shape> PluginOptimizer::state_shape(size_t index, const FlatGroup &group) const {
  const StateSpec &state = states_[index];
  if (state.extent == FLAME_STATE_SHARED) return Shape();
  if (state.extent == FLAME_STATE_PER_ELEMENT) return group.shape();
  const GroupTable given(group);
  int64_t size = 0;
  CallScope scope(plugin_id_, "flame.optimizer/1 state_size");
  FLAME_TRY(scope.finish(table().state_size(handle_.get(), scope.call(),
                                            static_cast<uint32_t>(index), given.get(), &size)));
  if (size >= 1 && size <= kMaxElementCount) return Shape{size};
  return broken(fmt::format("gives its state '{}' {} elements, expected 1 to 2^59",
                            printable(state.name), size));
}

Status PluginOptimizer::check_outputs(ProgramBuilder &builder, const StepInputs &inputs,
                                      const StepOutputs &outputs) const {
  const auto alike = [&](ValueId made, ValueId old, std::string_view what) -> Status {
    if (!builder.has(made)) return broken(fmt::format("gives no value as its new {}", what));
    if (builder.type_of(made) == builder.type_of(old)) return {};
    return broken(fmt::format("gives its new {} as {}, expected {}", what,
                              builder.type_of(made).text(), builder.type_of(old).text()));
  };
  FLAME_TRY(alike(outputs.parameter, inputs.parameter, "parameter"));
  for (size_t i = 0; i < states_.size(); ++i) {
    FLAME_TRY(
        alike(outputs.states[i], inputs.states[i], "state '" + printable(states_[i].name) + "'"));
  }
  return {};
}

Result<std::vector<StepOutputs>> PluginOptimizer::build(
    ProgramBuilder &builder, const std::vector<StepInputs> &groups) const {
  std::deque<GroupTable> tables;
  std::vector<StepOutputs> outputs(groups.size());
  std::vector<flame_update> updates(groups.size());
  for (size_t g = groups.size(); g-- > 0;) {
    outputs[g].states.resize(states_.size());
    flame_update &update = updates[g];
    update.struct_size = sizeof(update);
    update.parameter = groups[g].parameter;
    update.gradient = groups[g].gradient;
    update.step = groups[g].step;
    update.learning_rate = groups[g].learning_rate;
    update.state_count = static_cast<uint32_t>(states_.size());
    update.states = groups[g].states.data();
    update.new_states = outputs[g].states.data();
    update.group = tables.emplace_back(*groups[g].layout).get();
    update.next = g + 1 < groups.size() ? &updates[g + 1] : nullptr;
  }
  BuilderBridge bridge(builder);
  CallScope scope(plugin_id_, "flame.optimizer/1 build");
  FLAME_TRY(
      scope.finish(table().build(handle_.get(), scope.call(), bridge.table(), updates.data())));
  FLAME_TRY(builder.status());
  builder.set_source("", 0);
  for (size_t g = 0; g < groups.size(); ++g) {
    outputs[g].parameter = updates[g].new_parameter;
    FLAME_TRY(check_outputs(builder, groups[g], outputs[g]));
    for (size_t i = 0; i < states_.size(); ++i) {
      if (states_[i].extent != FLAME_STATE_SHARED || outputs[g].states[i] == outputs[0].states[i])
        continue;
      return broken(
          fmt::format("gives its shared state '{}' as one value for the group '{}' and "
                      "as another for '{}'",
                      printable(states_[i].name), printable(groups[0].layout->name),
                      printable(groups[g].layout->name)));
    }
  }
  return outputs;
}

}  // namespace flame
