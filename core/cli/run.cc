// `flamehost run FILE`: does what a pipeline asks for.
#include <fmt/core.h>

#include <array>

#include "core/base/log.h"
#include "core/base/terminal.h"
#include "core/cli/backend_request.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/cli/progress.h"
#include "core/cli/read_pipeline.h"
#include "core/cli/sample_pictures.h"
#include "core/pipeline/device_request.h"

namespace flame::cli {
namespace {

constexpr std::array kArguments = {
    CommandArgument{.name = "FILE", .kind = ValueKind::kFile, .help = "a pipeline file"},
};
constexpr std::array kOptions = {
    CommandOption{.name = "--set",
                  .value = "KEY=VALUE",
                  .kind = ValueKind::kSetting,
                  .repeated = true,
                  .help = "change one value first, such as sample.steps=30; may be repeated"},
    kThreadsOption,
};

// What a section asks for that this version cannot do is refused, not passed over.
Status check_sections(const Pipeline &pipeline) {
  for (const char *section : {"data", "adapter", "train", "export"}) {
    if (!pipeline.root.find_section(section)) continue;
    return config_error(
        fmt::format("{}: the section '{}' is for training, which this version cannot do yet",
                    printable(pipeline.file.string()), section),
        "leave it out to draw the pictures of 'sample' alone");
  }
  for (const char *section : {"model", "sample"}) {
    if (pipeline.root.find_section(section)) continue;
    return config_error(fmt::format("{} has no section '{}', so there is nothing to run",
                                    printable(pipeline.file.string()), section),
                        "'flamehost schema' shows the sections");
  }
  return {};
}

Status run_pipeline(const Arguments &arguments) {
  const Catalogue catalogue = installed_catalogue(arguments);
  FLAME_ASSIGN(const Pipeline pipeline, read_pipeline(arguments, arguments.get("FILE"), catalogue));
  FLAME_TRY(check_sections(pipeline));
  const ResolvedSection *backend = pipeline.root.find_section("backend");
  OpenDeviceRequest device;
  device.reference = kAutomaticBackend;
  if (backend) device = device_request(*backend);
  FLAME_TRY(set_threads(arguments, *pipeline.catalogue, {&device, 1}));
  return sample_pictures(pipeline, device);
}

int run(const Arguments &arguments) {
  const Status status = run_pipeline(arguments);
  return status.ok() ? 0 : fail(status.error());
}

}  // namespace

const Command kRunCommand = {
    .group = "",
    .name = "run",
    .summary = "Run a pipeline: draw its pictures",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
