// An optimizer: one class that names its states and builds the program of one step.
#pragma once

#include <string>
#include <vector>

#include "flame/component.hpp"
#include "flame/optimizer.h"
#include "flame/program.hpp"

namespace flame {
inline namespace sdk {

// A buffer as large as the parameters that the optimizer keeps from step to step.
struct OptimizerState {
  std::string name;       // "momentum"
  double initial = 0;     // of every element before the first step
  flame_dtype dtype = 0;  // 0: that of the parameter's master copy
};

// The values that one step starts from.
struct OptimizerInputs {
  Value parameter;      // [n]
  Value gradient;       // [n]
  Value step;           // scalar i64: 1 in the first step
  Value learning_rate;  // scalar of the parameter's type
  std::vector<Value> states;
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
  virtual OptimizerOutputs build(Program &program, const OptimizerInputs &inputs) = 0;

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
      fill(out, flame_state_info{0, state.dtype, borrow(state.name), state.initial});
    });
  }
  static flame_status build(flame_optimizer *handle, flame_call *call,
                            const flame_program_builder *builder, flame_update *update) noexcept {
    return guard(call, [&] {
      Program program(builder);
      OptimizerInputs inputs = {Value(builder, update->parameter),
                                Value(builder, update->gradient),
                                Value(builder, update->step),
                                Value(builder, update->learning_rate),
                                {}};
      for (uint32_t i = 0; i < update->state_count; ++i) {
        inputs.states.emplace_back(builder, update->states[i]);
      }
      const OptimizerOutputs outputs = object(handle)->build(program, inputs);
      if (outputs.states.size() != update->state_count) {
        throw failed("the step gave ", outputs.states.size(), " states, but there are ",
                     update->state_count);
      }
      update->new_parameter = outputs.parameter.id();
      for (uint32_t i = 0; i < update->state_count; ++i) {
        update->new_states[i] = outputs.states[i].id();
      }
    });
  }
  static constexpr flame_optimizer_interface kTable = {
      sizeof(flame_optimizer_interface), 0, create, destroy, describe_state, build};
};

}  // namespace detail
}  // namespace sdk
}  // namespace flame
