// Which parameters of a program are read from which weights.
#pragma once

#include "core/runtime/executable.h"
#include "core/sample/paint_programs.h"

namespace flame {

// The jobs that fill the parameters whose names begin with `prefix` ("vae/"). Error (kBadConfig): one
// of them is not in the model's weights.
Result<std::vector<WeightJob>> weight_jobs(const Executable &program, std::string_view prefix,
                                           const PaintModel &model);

}  // namespace flame
