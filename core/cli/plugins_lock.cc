// `flamehost plugins lock`: writes down the libraries that may be loaded from now on.
#include <fmt/core.h>

#include <string>

#include "core/base/log.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/plugin/lock.h"

namespace flame::cli {
namespace {

int run(const Arguments &arguments) {
  const Catalogue catalogue = installed_catalogue(arguments);
  for (const BrokenManifest &broken : catalogue.broken()) {
    log::warning("not in the lock: " + broken.error.what);
  }
  const Result<PluginLock> lock = PluginLock::of(catalogue);
  if (!lock.ok()) return fail(lock.error());
  const std::string file = arguments.get("--output", kLockFileName);
  const Status written = lock->write(file);
  if (!written.ok()) return fail(written.error());
  fmt::print("{}: {} {} may be loaded by the pipelines in this folder, and no other.\n", file,
             lock->size(), lock->size() == 1 ? "plugin" : "plugins");
  fmt::print("A plugin that is loaded has all of your rights: keep only those that you trust.\n");
  return 0;
}

constexpr CommandOption kOptions[] = {
    {.name = "--output",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "write here instead of plugins.lock; it counts beside a pipeline file"},
};

}  // namespace

const Command kPluginsLockCommand = {
    .group = "plugins",
    .name = "lock",
    .summary = "Write plugins.lock, which pins the installed plugins by their SHA-256",
    .arguments = {},
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
