// The programs on which plans are judged: real shapes, forward alone and with gradients.
#pragma once

#include <string>
#include <vector>

#include "core/program/program.h"

namespace flame::testing_support {

struct NamedProgram {
  std::string name;
  Program program;
};

// At least twenty; the largest has more than 20,000 ops. Some seconds of work.
Result<std::vector<NamedProgram>> training_programs();

}  // namespace flame::testing_support
