#include "core/cli/commands.h"

namespace flame::cli {

std::span<const Command *const> commands() {
  static constexpr const Command *kCommands[] = {
      &kDoctorCommand,
      &kCompletionCommand,
  };
  return kCommands;
}

}  // namespace flame::cli
