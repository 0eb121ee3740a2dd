// `flamehost plugins manifest`: writes the manifest of a library; builds of plugins call it.
#include <fmt/core.h>

#include <filesystem>
#include <string>

#include "core/base/file.h"
#include "core/cli/commands.h"
#include "core/plugin/make_manifest.h"

namespace flame::cli {
namespace {

int run(const Arguments &arguments) {
  const std::filesystem::path library = arguments.get("LIBRARY");
  const Result<Manifest> manifest = make_manifest(library);
  if (!manifest.ok()) return fail(manifest.error());
  const std::filesystem::path file = arguments.get("--output", manifest_file_for(library).string());
  const Status written = write_file_atomically(file, to_json(*manifest).dump(2) + "\n");
  if (!written.ok()) return fail(written.error());
  // An author learns here of every rule that the host would find broken, and not from a user.
  const Result<Manifest> read = read_manifest(file);
  if (read.ok()) return 0;
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return fail(read.error());
}

constexpr CommandArgument kArguments[] = {
    {.name = "LIBRARY", .kind = ValueKind::kFile, .help = "the plugin's library"},
};
constexpr CommandOption kOptions[] = {
    {.name = "--output",
     .value = "FILE",
     .kind = ValueKind::kFile,
     .help = "write here instead of NAME.flame.json beside the library"},
};

}  // namespace

const Command kPluginsManifestCommand = {
    .group = "plugins",
    .name = "manifest",
    .summary = "Write the manifest of a plugin's library beside it",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
