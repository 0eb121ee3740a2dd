// A pipeline file for a command that cannot go on with a wrong one.
#pragma once

#include "core/cli/command.h"
#include "core/pipeline/pipeline.h"

namespace flame::cli {

// Prints what is wrong, all of it, to standard error, warnings too; then the error only says that
// something was. The overrides are those of --set.
Result<Pipeline> read_pipeline(const Arguments &arguments, const std::string &file,
                               const Catalogue &catalogue);

}  // namespace flame::cli
