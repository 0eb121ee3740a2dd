// Every command of the program; each is defined in the file of its name.
#pragma once

#include "core/cli/command.h"

namespace flame::cli {

extern const Command kCompletionCommand;
extern const Command kCrosscheckCommand;
extern const Command kDoctorCommand;
extern const Command kExplainCommand;
extern const Command kInitCommand;
extern const Command kPlanCommand;
extern const Command kPluginsInspectCommand;
extern const Command kPluginsListCommand;
extern const Command kPluginsLockCommand;
extern const Command kPluginsManifestCommand;
extern const Command kPluginsValidateCommand;
extern const Command kReportCommand;
extern const Command kSchemaCommand;
extern const Command kRunCommand;
extern const Command kValidateCommand;
extern const Command kWeightsCheckCommand;
extern const Command kWeightsConvertCommand;
extern const Command kWeightsInspectCommand;
extern const Command kWeightsMakeCommand;

}  // namespace flame::cli
