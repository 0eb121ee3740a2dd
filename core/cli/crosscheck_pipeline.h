// `flamehost crosscheck PIPELINE`: the same training step on two backends.
#pragma once

#include "core/base/result.h"
#include "core/cli/command.h"

namespace flame::cli {

// Whether the command's arguments name a pipeline and neither a program (*.json) nor a recording.
bool names_pipeline(const Arguments &arguments);

// Prints the comparison; writes --json and --html.
Status check_pipeline_step(const Arguments &arguments, bool &equal);

}  // namespace flame::cli
