// Which parameters of a program are read from which weights.
#pragma once

#include "core/io/weight_loader.h"
#include "core/runtime/executable.h"

namespace flame {

// The jobs that fill the parameters whose names begin with `prefix` ("vae/"). Error (kBadConfig): one
// of them is not in `weights`.
Result<std::vector<WeightJob>> weight_jobs(const Executable &program, std::string_view prefix,
                                           const WeightMatch &weights);

}  // namespace flame
