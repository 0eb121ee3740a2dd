// Appends to a program the program of its gradients.
#pragma once

#include <string>
#include <vector>

#include "core/program/program.h"

namespace flame {

struct GradientRequest {
  std::vector<std::string> of;               // outputs of the program, of float type
  std::vector<std::string> with_respect_to;  // parameters or inputs, of float type
  // True: every output in `of` is a scalar and its cotangent is 1. False: the cotangents are new
  // inputs "cotangent.<output>" of the outputs' types.
  bool cotangents_are_one = true;
  std::string prefix = "gradient.";  // of the new outputs
};

struct Gradients {
  // The forward program and its outputs, then the backward part; new outputs, the prefix
  // and a name of `with_respect_to`, of the types of what they are the gradients of.
  Program program;
  NodeId first_backward_node = 0;
  // What no path leads to from the outputs: its gradient is filled with zeros.
  std::vector<std::string> unreached;
};

// Only what lies on a path from `with_respect_to` to `of` gets a gradient; optional ops on such a
// path that have no rule of their own are replaced by their decomposition. Time and memory are
// linear in the number of nodes; there is no recursion over the program.
Result<Gradients> differentiate(const Program &program, const GradientRequest &request);

}  // namespace flame
