// `flamehost report RUN`: the page about a run, made again from what the run has left.
#include <fmt/core.h>

#include <array>

#include "core/base/terminal.h"
#include "core/cli/commands.h"
#include "core/cli/report_page.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array kArguments = {
    CommandArgument{.name = "RUN",
                    .kind = ValueKind::kFolder,
                    .help = "the name of a run under runs/, or its folder"},
};

fs::path folder_of(const std::string &run) {
  std::error_code ignored;
  const fs::path named = fs::path("runs") / run;
  return fs::is_directory(named, ignored) ? named : fs::path(run);
}

int run(const Arguments &arguments) {
  const fs::path folder = folder_of(arguments.get("RUN"));
  const Status status = write_report(folder);
  if (!status.ok()) return fail(status.error());
  fmt::print("{}\n", printable((folder / kReportFile).string()));
  return 0;
}

}  // namespace

const Command kReportCommand = {
    .group = "",
    .name = "report",
    .summary = "Write the report of a run: curves, pictures and settings as one page",
    .arguments = kArguments,
    .options = {},
    .run = run,
};

}  // namespace flame::cli
