// `flamehost run FILE`: does what a pipeline asks for.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/log.h"
#include "core/base/terminal.h"
#include "core/cli/backend_request.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/cli/progress.h"
#include "core/cli/read_pipeline.h"
#include "core/cli/sample_pictures.h"
#include "core/cli/train_run.h"
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
    CommandOption{.name = "--resume",
                  .value = "auto|DIR|never",
                  .kind = ValueKind::kFolder,
                  .help = "which checkpoint a training goes on from: the run's newest (auto, the "
                          "default), that of a folder, or none"},
    CommandOption{.name = "--allow-changes",
                  .value = "",
                  .help = "go on from a checkpoint even if it was saved with other settings"},
};

// Any section of a training asks for all of them; without one, pictures are drawn.
bool trains(const Pipeline &pipeline) {
  return std::ranges::any_of(std::array{"data", "adapter", "train", "export"},
                             [&](const char *key) { return pipeline.root.find_section(key); });
}

Status check_sections(const Pipeline &pipeline) {
  const std::vector<const char *> needed = trains(pipeline)
                                               ? std::vector{"model", "data", "adapter", "train"}
                                               : std::vector{"model", "sample"};
  for (const char *section : needed) {
    if (pipeline.root.find_section(section)) continue;
    return config_error(fmt::format("{} has no section '{}', so there is nothing to run",
                                    printable(pipeline.file.string()), section),
                        trains(pipeline) ? "a training has model, data, adapter and train; leave "
                                           "these out to draw pictures alone"
                                         : "'flamehost schema' shows the sections");
  }
  return {};
}

Status check_nothing_resumes(const Arguments &arguments, const Pipeline &pipeline) {
  for (const char *option : {"--resume", "--allow-changes"}) {
    if (!arguments.has(option)) continue;
    return config_error(fmt::format("{} is for a training, and {} draws pictures alone", option,
                                    printable(pipeline.file.string())),
                        "leave it out");
  }
  return {};
}

Status run_pipeline(const Arguments &arguments) {
  const Catalogue catalogue = installed_catalogue(arguments);
  FLAME_ASSIGN(const Pipeline pipeline, read_pipeline(arguments, arguments.get("FILE"), catalogue));
  FLAME_TRY(check_sections(pipeline));
  OpenDeviceRequest device = device_request(pipeline);
  FLAME_TRY(set_threads(arguments, *pipeline.catalogue, {&device, 1}));
  if (!trains(pipeline)) {
    FLAME_TRY(check_nothing_resumes(arguments, pipeline));
    return sample_pictures(pipeline, device);
  }
  return train(pipeline, device,
               {arguments.get("--resume", "auto"), arguments.has("--allow-changes")});
}

int run(const Arguments &arguments) {
  const Status status = run_pipeline(arguments);
  return status.ok() ? 0 : fail(status.error());
}

}  // namespace

const Command kRunCommand = {
    .group = "",
    .name = "run",
    .summary = "Run a pipeline: train, or draw its pictures",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
