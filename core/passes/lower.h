// Takes apart the ops that a device cannot do.
#pragma once

#include <string>
#include <vector>

#include "core/passes/target.h"
#include "core/program/program.h"

namespace flame {

// Ops of one name that were replaced by their decompositions.
struct TakenApart {
  std::string op;
  size_t count = 0;
  std::string reason;  // the device's words for the first of them
};

struct Lowered {
  Program program;
  std::vector<TakenApart> taken_apart;  // by name
};

// Optional ops that the target refuses become their decompositions, over as many steps as it takes.
// An op and its gradient ("attention", "attention_grad") that belong together in the program are
// both taken apart if the target refuses either. The target is asked about tensors without gaps;
// required ops are not asked about. An error: the target's own.
Result<Lowered> lower(const Program &program, Target &target);

}  // namespace flame
