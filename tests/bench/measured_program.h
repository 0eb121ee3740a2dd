// What the benches of programs share: gradients, data and medians.
#pragma once

#include <vector>

#include "core/runtime/executable.h"

namespace flame::bench {

double median(std::vector<double> values);

enum class Wanted {
  kInput,      // the gradient of x
  kEverything  // and of every trainable parameter
};
// The program with the gradients of its output "loss".
Result<Program> with_gradients(const Program &forward, Wanted wanted);

// Small numbers from a fixed sequence in every input and parameter; all are f32 or bf16.
Status fill_inputs(const Executable &executable, const DeviceStream &stream);

}  // namespace flame::bench
