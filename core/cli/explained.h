// What `flamehost explain` looks at: a program, and what is to be done to it.
#pragma once

#include <memory>

#include "core/cli/command.h"
#include "core/passes/run_passes.h"
#include "core/plugin/backends.h"
#include "core/plugin/plugin_host.h"

namespace flame::cli {

// `host` stands first, so that adapters end before their plugins stop.
struct Explained {
  std::unique_ptr<PluginHost> host;
  Program program;
  PassSettings settings;
  std::unique_ptr<Device> device;
};

// Reads the file: a program of JSON (*.json), or a pipeline (anything else), whose model's program
// is built without weights. Options of the command line come before those of the pipeline.
Result<Explained> read_explained(const Arguments &arguments);

}  // namespace flame::cli
