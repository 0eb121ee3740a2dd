// The program of one micro-batch: loss, gradients, and their sum in flat buffers.
#pragma once

#include "core/train/flat_layout.h"

namespace flame {

// Inputs beside the model's own.
inline constexpr std::string_view kFirstName = "train.first";           // bool: a new sum begins
inline constexpr std::string_view kLossScaleName = "train.loss_scale";  // of the loss's type

struct AccumulateRequest {
  std::string loss;               // an output of the model: a scalar of float type
  std::vector<FlatGroup> groups;  // of flat_layout() of the model
  DType master = DType::kF32;     // of the flat buffers: f32 or f64
};

// Inputs: those of the model; train.first and train.loss_scale; for each group, its parameters and
// its gradient, of the master's type. Parameters: the frozen ones of the model and those that no
// group trains. Outputs: those of the model, and for each group the gradient: the old sum (nothing,
// if train.first) and the gradient of loss · train.loss_scale.
struct AccumulateProgram {
  Program program;
  std::vector<Replacement> replaced;   // the gradients
  std::vector<std::string> unreached;  // trained parameters that the loss does not depend on
};

// Each trained parameter of the model becomes a view of its group's flat buffer, cast to the type
// that the model wants. Errors: what differentiate() refuses, a master that is neither f32 nor f64,
// names of the model that begin with "train.".
Result<AccumulateProgram> build_accumulate(const Program &model, const AccumulateRequest &request);

}  // namespace flame
