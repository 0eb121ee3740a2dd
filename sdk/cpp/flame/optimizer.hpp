// An optimizer: one class that names its states and builds the program of one step.
#pragma once

#include <string>
#include <vector>

#include "flame/component.hpp"
#include "flame/optimizer.h"
#include "flame/program.hpp"

namespace flame {
inline namespace sdk {

// How large a state is.
enum class StateExtent : uint32_t {
  kPerElement = FLAME_STATE_PER_ELEMENT,  // [n], one number for each of the parameter's
  kSized = FLAME_STATE_SIZED,             // [k] of each group, as state_size() says
  kShared = FLAME_STATE_SHARED            // a scalar, one for all groups
};

// A buffer that the optimizer keeps from step to step.
struct OptimizerState {
  std::string name;       // "momentum"
  double initial = 0;     // of every element before the first step
  flame_dtype dtype = 0;  // 0: that of the parameter's master copy
  StateExtent extent = StateExtent::kPerElement;
};

// One tensor of the model within the flat buffers, in row-major order.
struct OptimizerSlice {
  int64_t offset = 0;  // of its first element
  Shape shape;
};

// What stands where in the flat buffers of a group; what is between the slices is 0.
struct OptimizerGroup {
  int64_t size = 0;  // n: a multiple of FLAME_GROUP_MULTIPLE
  std::vector<OptimizerSlice> slices;
};

// The values that one step starts from.
struct OptimizerInputs {
  Value parameter;      // [n]
  Value gradient;       // [n]
  Value step;           // scalar i64: 1 in the first step
  Value learning_rate;  // scalar of the parameter's type
  std::vector<Value> states;
  OptimizerGroup group = {};
};

// The values that it ends with.
struct OptimizerOutputs {
  Value parameter;
  std::vector<Value> states;  // as many as came in, in the same order
};

namespace detail {
struct OptimizerTable;
}

// The host asks one thread at a time for each object.
class Optimizer {
 public:
  static constexpr const char *kKind = FLAME_KIND_OPTIMIZER;
  virtual ~Optimizer() = default;

  // Asked once.
  virtual std::vector<OptimizerState> states() const = 0;
  // The elements of the state `index`, which is StateExtent::kSized; at least 1.
  virtual int64_t state_size(size_t index, const OptimizerGroup &) const {
    throw failed("the state ", index, " has no size of its own");
  }
  virtual OptimizerOutputs build(Program &program, const OptimizerInputs &inputs) = 0;
  // All groups in one program: for optimizers with a shared state, whose groups come together. A
  // shared state is the same value in each of them.
  virtual std::vector<OptimizerOutputs> build_groups(Program &program,
                                                     const std::vector<OptimizerInputs> &groups) {
    std::vector<OptimizerOutputs> outputs;
    for (const OptimizerInputs &inputs : groups) outputs.push_back(build(program, inputs));
    return outputs;
  }

 private:
  friend struct detail::OptimizerTable;
  const std::vector<OptimizerState> &known_states() {
    if (!asked_) states_ = states();
    asked_ = true;
    return states_;
  }
  bool asked_ = false;
  std::vector<OptimizerState> states_;
};

namespace detail {

struct OptimizerTable : Lifetime<Optimizer, flame_optimizer> {
  static flame_status describe_state(flame_optimizer *handle, flame_call *call, uint32_t index,
                                     flame_state_info *out) noexcept {
    return guard(call, [&] {
      const std::vector<OptimizerState> &states = object(handle)->known_states();
      if (index >= states.size()) throw Error(FLAME_ERROR_END, "there is no more state");
      const OptimizerState &state = states[index];
      fill(out, flame_state_info{0, state.dtype, borrow(state.name), state.initial,
                                 static_cast<uint32_t>(state.extent), 0});
    });
  }
  static flame_status state_size(flame_optimizer *handle, flame_call *call, uint32_t index,
                                 const flame_group *group, int64_t *out) noexcept {
    return guard(call, [&] { *out = object(handle)->state_size(index, read_group(*group)); });
  }
  static flame_status build(flame_optimizer *handle, flame_call *call,
                            const flame_program_builder *builder, flame_update *update) noexcept {
    return guard(call, [&] {
      Program program(builder);
      std::vector<OptimizerInputs> groups;
      for (flame_update *at = update; at; at = next_of(at)) {
        groups.push_back(read_update(builder, *at));
      }
      const std::vector<OptimizerOutputs> outputs = object(handle)->build_groups(program, groups);
      if (outputs.size() != groups.size()) {
        throw failed("the step gave ", outputs.size(), " groups, but there are ", groups.size());
      }
      size_t index = 0;
      for (flame_update *at = update; at; at = next_of(at)) write_update(outputs[index++], *at);
    });
  }
  static constexpr flame_optimizer_interface kTable = {
      sizeof(flame_optimizer_interface), 0, create, destroy, describe_state, build, state_size};

 private:
  static flame_update *next_of(flame_update *update) {
    return FLAME_HAS(flame_update, update, next) ? update->next : nullptr;
  }
  static OptimizerGroup read_group(const flame_group &group) {
    OptimizerGroup read = {group.size, {}};
    for (uint32_t i = 0; i < group.slice_count; ++i) {
      const flame_slice &slice = group.slices[i];
      read.slices.push_back({slice.offset, Shape(slice.shape, slice.shape + slice.rank)});
    }
    return read;
  }
  static OptimizerInputs read_update(const flame_program_builder *builder,
                                     const flame_update &update) {
    OptimizerInputs inputs = {Value(builder, update.parameter),
                              Value(builder, update.gradient),
                              Value(builder, update.step),
                              Value(builder, update.learning_rate),
                              {},
                              {}};
    for (uint32_t i = 0; i < update.state_count; ++i) {
      inputs.states.emplace_back(builder, update.states[i]);
    }
    if (FLAME_HAS(flame_update, &update, group)) inputs.group = read_group(*update.group);
    return inputs;
  }
  static void write_update(const OptimizerOutputs &outputs, flame_update &update) {
    if (outputs.states.size() != update.state_count) {
      throw failed("the step gave ", outputs.states.size(), " states, but there are ",
                   update.state_count);
    }
    update.new_parameter = outputs.parameter.id();
    for (uint32_t i = 0; i < update.state_count; ++i) {
      update.new_states[i] = outputs.states[i].id();
    }
  }
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
