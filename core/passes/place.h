// Puts a program into memory: views become strides, every value gets its bytes, and what a backend
// cannot take as it lies is copied first.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/passes/placed_program.h"

namespace flame {

// An output that takes the place of an input or parameter of its type: after the run the input's
// memory holds it, so that a state goes from step to step.
struct Replacement {
  std::string input;
  std::string output;
};

struct PlaceRequest {
  // Written in place where the backend allows it, else copied at the end.
  std::vector<Replacement> replaces;
  // Lines of the memory report for inputs by name; the rest are inputs.
  std::vector<std::pair<std::string, MemoryClass>> classes;
  // Inputs and outputs stand in the arena too: whoever shares it spoils them. For programs that are
  // given all and asked for all at each run. Not together with `replaces`.
  bool shares_all = false;
  // As little memory as can be, at some cost of time; see PlacedProgram::compact.
  bool compact = false;
};

// The ops are those that the target takes: optional ones that it refuses were taken apart before.
// Inputs, parameters and outputs get memory of their own outside of the arena, for the whole time,
// unless the request says otherwise.
// Errors: an op that the target refuses however its tensors lie, with its place and the target's
// reason.
Result<PlacedProgram> place(const Program &program, Target &target, const PlaceRequest &request);

}  // namespace flame
