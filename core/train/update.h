// The program of one step: the optimizers over flat parameters, gradients and states, the moving
// average of the parameters, and the loss scale.
#pragma once

#include <optional>

#include "core/passes/place.h"
#include "core/train/flat_layout.h"
#include "core/train/plugin_optimizer.h"

namespace flame {

// Inputs, all scalars. Nothing that changes from step to step is a part of the program.
inline constexpr std::string_view kStepName = "train.step";         // i64: steps made so far
inline constexpr std::string_view kDivisorName = "train.divisor";   // of the master's type
inline constexpr std::string_view kMaxNormName = "train.max_norm";  // of the master's type
inline constexpr std::string_view kAverageDecayName =
    "train.average_decay";  // of the master's type
inline constexpr std::string_view kGoodStepsName =
    "train.good_steps";                                      // i64: since the last change
inline constexpr std::string_view kHeldName = "train.held";  // bool
// Outputs, scalars.
inline constexpr std::string_view kGradientNormName = "train.gradient_norm";  // before clipping
inline constexpr std::string_view kFiniteName = "train.finite";               // bool

// How train.loss_scale follows the gradients: it shrinks where they are not finite, and grows after
// enough steps in a row where they are. As GradScaler of PyTorch.
struct LossScaling {
  DType dtype = DType::kF32;  // of the loss
  double initial = 65536;
  double growth = 2;
  double backoff = 0.5;
  int64_t interval = 2000;  // good steps before it grows
};

struct UpdateRequest {
  struct Group {
    FlatGroup layout;
    const PluginOptimizer *optimizer;  // outlives the call; groups may share one
  };
  std::vector<Group> groups;
  DType master = DType::kF32;  // of the flat buffers: f32 or f64
  // True: the gradients are scaled down so that their common norm is at most train.max_norm.
  bool clips = false;
  // True: behind a step whose gradients are not finite nothing changes any more until train.held is
  // written, since the host hears of it some steps later.
  bool holds = false;
  // True: a moving average of each group's parameters is kept.
  bool averages = false;
  std::optional<LossScaling> loss_scaling = {};  // absent: the loss scale is the host's
};

// What lives in memory from step to step, beside parameters and step.
struct StateBuffer {
  std::string name;  // of the input and output
  TensorType type;
  double initial = 0;
};

// Inputs: train.step, train.divisor, train.max_norm if it clips; for each group its learning rate
// (of the master's type), parameters, gradient and states. The gradient of the step is the buffer
// divided by train.divisor: the number of micro-batches that were added up, times the loss scale
// where that is the host's; a scale that follows the gradients is the input train.loss_scale, and is
// divided by here. With averages, train.average_decay and each group's average, which begins as its
// parameters: average = decay · average + (1 − decay) · parameters.
// Outputs: train.gradient_norm over all groups, train.finite, and what replaces parameters, states
// averages, loss scale and step. If the norm is not finite (so also where it is too large for its
// type), everything but the loss scale keeps its old value, and so does train.step.
struct UpdateProgram {
  Program program;
  PlaceRequest placement;           // parameters, states, averages and step stay where they are
  std::vector<StateBuffer> states;  // of the optimizers, of the loss scale, and train.held
};

Result<UpdateProgram> build_update(const UpdateRequest &request);

}  // namespace flame
