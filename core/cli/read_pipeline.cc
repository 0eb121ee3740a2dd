#include "core/cli/read_pipeline.h"

#include <fmt/core.h>
#include <unistd.h>

#include "core/base/terminal.h"

namespace flame::cli {

Result<Pipeline> read_pipeline(const Arguments &arguments, const std::string &file,
                               const Catalogue &catalogue) {
  const auto overrides = arguments.all("--set");
  FLAME_ASSIGN(CheckedPipeline checked,
               check_pipeline_file(file, {overrides.begin(), overrides.end()}, catalogue));
  const bool colour = colour_allowed(STDERR_FILENO);
  for (const Diagnostic &diagnostic : checked.diagnostics)
    fmt::print(stderr, "{}\n", to_text(diagnostic, checked.sources, colour));
  if (checked.pipeline) return std::move(*checked.pipeline);
  return config_error(fmt::format("{} is not a right pipeline", printable(file)),
                      "put right what stands above");
}

}  // namespace flame::cli
