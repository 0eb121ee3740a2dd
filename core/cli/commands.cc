#include "core/cli/commands.h"

namespace flame::cli {

std::span<const Command *const> commands() {
  static constexpr const Command *kCommands[] = {
      &kRunCommand,
      &kPlanCommand,
      &kReportCommand,
      &kValidateCommand,
      &kInitCommand,
      &kSchemaCommand,
      &kCrosscheckCommand,
      &kExplainCommand,
      &kDoctorCommand,
      &kPluginsListCommand,
      &kPluginsInspectCommand,
      &kPluginsValidateCommand,
      &kPluginsLockCommand,
      &kPluginsManifestCommand,
      &kWeightsInspectCommand,
      &kWeightsCheckCommand,
      &kWeightsMakeCommand,
      &kWeightsConvertCommand,
      &kCompletionCommand,
  };
  return kCommands;
}

}  // namespace flame::cli
