// The program of one step: the optimizers over flat parameters, gradients and states.
#pragma once

#include "core/train/flat_layout.h"
#include "core/train/plugin_optimizer.h"

namespace flame {

// Inputs, all scalars. Nothing that changes from step to step is a part of the program.
inline constexpr std::string_view kStepName = "train.step";         // i64: steps made so far
inline constexpr std::string_view kDivisorName = "train.divisor";   // of the master's type
inline constexpr std::string_view kMaxNormName = "train.max_norm";  // of the master's type
// Outputs, scalars.
inline constexpr std::string_view kGradientNormName = "train.gradient_norm";  // before clipping
inline constexpr std::string_view kFiniteName = "train.finite";               // bool

struct UpdateRequest {
  struct Group {
    FlatGroup layout;
    const PluginOptimizer *optimizer;  // outlives the call; groups may share one
  };
  std::vector<Group> groups;
  DType master = DType::kF32;  // of the flat buffers: f32 or f64
  // True: the gradients are scaled down so that their common norm is at most train.max_norm.
  bool clips = false;
};

// A state that lives in a flat buffer from step to step.
struct StateBuffer {
  std::string name;  // of the input and output
  TensorType type;
  double initial = 0;
};

// Inputs: train.step, train.divisor, train.max_norm if it clips; for each group its learning rate
// (of the master's type), parameters, gradient and states. The gradient of the step is the buffer
// divided by train.divisor: the number of micro-batches that were added up, times the loss scale.
// Outputs: train.gradient_norm over all groups, train.finite, and what replaces parameters, states
// and step. If the norm is not finite (so also where it is too large for its type), everything
// keeps its old value, and so does train.step.
struct UpdateProgram {
  Program program;
  std::vector<Replacement> replaced;
  std::vector<StateBuffer> states;
};

Result<UpdateProgram> build_update(const UpdateRequest &request);

}  // namespace flame
