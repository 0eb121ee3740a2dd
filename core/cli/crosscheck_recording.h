// `flamehost crosscheck RECORDING --weights PATH`: a model against what another framework recorded.
#pragma once

#include <optional>

#include "core/base/result.h"
#include "core/cli/command.h"

namespace flame::cli {

// Whether the command's arguments speak of a recording and not of a program.
bool names_recording(const Arguments &arguments);

// Prints a line for each tensor, then the verdict; writes --json.
Status check_recording_file(const Arguments &arguments, bool &equal);

// What --tolerance says, if it is there.
Result<std::optional<double>> read_tolerance(const Arguments &arguments);

}  // namespace flame::cli
