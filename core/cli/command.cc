#include "core/cli/command.h"

#include <fmt/core.h>

#include <array>

#include "core/base/log.h"

namespace flame::cli {

std::span<const std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) return {};
  return found->second;
}

std::string Arguments::get(std::string_view name, std::string_view otherwise) const {
  const std::span<const std::string> values = all(name);
  return values.empty() ? std::string(otherwise) : values.back();
}

std::span<const CommandOption> common_options() {
  static constexpr std::array kOptions = {
      CommandOption{.name = "--plugin-path",
                    .value = "FOLDER",
                    .kind = ValueKind::kFolder,
                    .repeated = true,
                    .help = "look for plugins here first; may be repeated"},
      CommandOption{.name = "--log-level",
                    .value = "LEVEL",
                    .help = "debug, info, warning, error or off",
                    .choices = kLogLevels},
      CommandOption{.name = "--log-format",
                    .value = "FORMAT",
                    .help = "text, or json for one object a line",
                    .choices = kLogFormats},
  };
  return kOptions;
}

int fail(const Error &error) {
  log::write(log::Level::kError, error.text());
  return exit_code(error.kind);
}

}  // namespace flame::cli
