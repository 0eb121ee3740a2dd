// An optimizer of a plugin: its states, and its step as ops of a program.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/attribute_list.h"
#include "core/program/program_builder.h"
#include "core/train/flat_layout.h"
#include "flame/optimizer.h"

namespace flame {

// A buffer that an optimizer keeps from step to step.
struct StateSpec {
  std::string name;            // "momentum"; unique
  std::optional<DType> dtype;  // absent: that of the master copy
  double initial = 0;          // of every element before the first step
  uint32_t extent = FLAME_STATE_PER_ELEMENT;
};

// The values that the step of one group starts from and ends with.
struct StepInputs {
  const FlatGroup *layout = nullptr;
  ValueId parameter = 0;      // [n], the master copy
  ValueId gradient = 0;       // [n]
  ValueId step = 0;           // scalar i64: 1 in the first step
  ValueId learning_rate = 0;  // scalar of the parameter's type
  std::vector<ValueId> states;
};
struct StepOutputs {
  ValueId parameter = 0;
  std::vector<ValueId> states;
};

// Owns the plugin's object; the plugin stays started as long as this lives. One thread at a time.
class PluginOptimizer {
 public:
  // `options` are the component's with defaults filled in. Errors: the plugin's own, or kBadPlugin
  // that says how it breaks flame/optimizer.h.
  static Result<PluginOptimizer> create(const flame_optimizer_interface &table,
                                        std::string plugin_id, std::string_view component,
                                        const AttributeList &options);

  const std::vector<StateSpec> &states() const { return states_; }
  // True: all groups that this optimizer steps are built in one call.
  bool shares_state() const;
  // Of the state `index` for a group.
  Result<Shape> state_shape(size_t index, const FlatGroup &group) const;
  // Adds one step to the builder: of one group, or of all if they share a state. What the plugin
  // gives is like what it replaces, or it is an error that names it.
  Result<std::vector<StepOutputs>> build(ProgramBuilder &builder,
                                         const std::vector<StepInputs> &groups) const;

 private:
  struct Destroy {
    const flame_optimizer_interface *table;
    void operator()(flame_optimizer *optimizer) const { table->destroy(optimizer); }
  };
  using Handle = std::unique_ptr<flame_optimizer, Destroy>;

  PluginOptimizer(std::string plugin_id, Handle handle)
      : plugin_id_(std::move(plugin_id)), handle_(std::move(handle)) {}

  const flame_optimizer_interface &table() const { return *handle_.get_deleter().table; }
  Status read_states();
  Status check_outputs(ProgramBuilder &builder, const StepInputs &inputs,
                       const StepOutputs &outputs) const;
  Error broken(std::string_view what) const;

  std::string plugin_id_;
  Handle handle_;
  std::vector<StateSpec> states_;
};

}  // namespace flame
