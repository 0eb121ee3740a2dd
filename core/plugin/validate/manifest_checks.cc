// The manifest beside the library: what the host believes before it runs any of the plugin's code.
#include <fmt/core.h>

#include "core/base/sha256.h"
#include "core/base/terminal.h"
#include "core/plugin/manifest.h"
#include "core/plugin/probe.h"
#include "core/plugin/validate/subject.h"

namespace flame {
namespace {

constexpr const char *kWriteIt = "write it with `flamehost plugins manifest LIBRARY`";

// The manifest, if there is one that can be read: that one can is a check of its own.
Result<std::optional<Manifest>> read(Subject &subject) {
  if (subject.facts().manifest_file.empty()) return std::optional<Manifest>();
  Result<Manifest> manifest = read_manifest(subject.facts().manifest_file);
  if (!manifest.ok()) return std::optional<Manifest>();
  return std::optional<Manifest>(std::move(*manifest));
}

constexpr const char *kNoManifest = "there is no manifest that can be read";

Result<Done> is_there(Subject &subject) {
  if (!subject.facts().manifest_file.empty()) return passed();
  return broken(fmt::format("a file {}{} beside the library; {}",
                            subject.facts().file.stem().string(), kManifestSuffix, kWriteIt),
                "there is none");
}

Result<Done> reads(Subject &subject) {
  if (subject.facts().manifest_file.empty()) return skipped(kNoManifest);
  const Result<Manifest> manifest = read_manifest(subject.facts().manifest_file);
  if (manifest.ok()) return passed();
  return broken("a manifest that keeps its rules; " + manifest.error().hint, manifest.error().what);
}

Result<Done> names_this_library(Subject &subject) {
  FLAME_ASSIGN(const auto manifest, read(subject));
  if (!manifest) return skipped(kNoManifest);
  const std::string name = subject.facts().file.filename().string();
  if (manifest->library == name) return passed();
  return broken(fmt::format("\"library\": \"{}\"", name),
                fmt::format("\"library\": \"{}\"", printable(manifest->library)));
}

Result<Done> hash_is_right(Subject &subject) {
  FLAME_ASSIGN(const auto manifest, read(subject));
  if (!manifest) return skipped(kNoManifest);
  FLAME_ASSIGN(const std::string hash, sha256_of_file(subject.facts().file.string()));
  if (manifest->sha256 == hash) return passed();
  return broken(fmt::format("\"sha256\": \"{}\", that of the library; {}", hash, kWriteIt),
                fmt::format("\"sha256\": \"{}\"", manifest->sha256));
}

Result<Done> minor_is_right(Subject &subject) {
  FLAME_ASSIGN(const auto manifest, read(subject));
  if (!manifest) return skipped(kNoManifest);
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  if (manifest->abi_minor == table->minor) return passed();
  return broken(fmt::format("\"abi_minor\": {}, as the plugin's table says", table->minor),
                fmt::format("\"abi_minor\": {}", manifest->abi_minor));
}

Result<Done> equals_descriptor(Subject &subject) {
  FLAME_ASSIGN(const auto manifest, read(subject));
  if (!manifest) return skipped(kNoManifest);
  FLAME_ASSIGN(const flame_plugin *table, subject.plugin());
  subject.at("a look at the descriptor");
  FLAME_ASSIGN(const PluginSpec spec, read_descriptor(*table));
  // The minor version is a check of its own.
  const Status same =
      compare_with_manifest({spec, manifest->abi_minor}, *manifest, subject.facts().file);
  if (same.ok()) return passed();
  return broken("the manifest says what the plugin says; " + same.error().hint, same.error().what);
}

constexpr Check kChecks[] = {
    {"manifest.is-there", "docs/writing-a-plugin.md: a manifest stands beside the library",
     Stage::kFile, is_there},
    {"manifest.keeps-the-rules", "docs/writing-a-plugin.md: the manifest's own rules", Stage::kFile,
     reads},
    {"manifest.names-this-library", "docs/writing-a-plugin.md: library is the file beside it",
     Stage::kFile, names_this_library},
    {"manifest.hash-is-right", "docs/writing-a-plugin.md: sha256 is the library's", Stage::kFile,
     hash_is_right},
    {"manifest.minor-is-right", "flame/entry.h: minor is FLAME_TARGET_MINOR of the build",
     Stage::kEntered, minor_is_right},
    {"manifest.equals-descriptor",
     "flame/descriptor.h: the build writes the table into the manifest", Stage::kEntered,
     equals_descriptor},
};

}  // namespace

std::span<const Check> manifest_checks() {
  return kChecks;
}

}  // namespace flame
