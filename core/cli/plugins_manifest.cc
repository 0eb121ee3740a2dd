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
  const std::string text = to_json(*manifest).dump(2) + "\n";
  // An author learns here of every rule that the host would find broken, and not from a user.
  const Result<Manifest> read = parse_manifest(text, file.string());
  if (!read.ok()) return fail(read.error());
  const Status written = write_file_atomically(file, text);
  return written.ok() ? 0 : fail(written.error());
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
