#include "core/plugin/make_manifest.h"

#include <fmt/core.h>

#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/plugin/elf.h"
#include "core/plugin/probe.h"

namespace flame {

Result<Manifest> make_manifest(const std::filesystem::path &library) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::canonical(library, failed);
  const std::string name = failed ? library.string() : path.string();
  if (failed) return plugin_error(fmt::format("{}: {}", name, failed.message()));
  const Result<Descriptor> file = open_regular_file(path);
  if (!file.ok()) return plugin_error(file.error().what, file.error().hint);
  FLAME_ASSIGN(const ElfLibrary elf, read_elf(file->get(), name));
  FLAME_TRY(check_plugin_library(elf, name));
  FLAME_ASSIGN(const std::string hash, sha256_of_descriptor(file->get(), name));
  FLAME_ASSIGN(DescribedPlugin described, describe_library(path));
  FLAME_ASSIGN(const std::string hash_afterwards, sha256_of_file(name));
  if (hash != hash_afterwards) {
    return plugin_error(fmt::format("{}: the file was changed while it was read", name),
                        "try again when the build has ended");
  }
  Manifest manifest;
  manifest.abi_minor = described.abi_minor;
  manifest.platform = std::string(host_platform());
  manifest.library = library.filename().string();
  manifest.sha256 = hash;
  manifest.spec = std::move(described.spec);
  return manifest;
}

std::filesystem::path manifest_file_for(const std::filesystem::path &library) {
  std::string name = library.filename().string();
  if (name.ends_with(".so")) name.resize(name.size() - 3);
  if (name.starts_with("lib") && name.size() > 3) name.erase(0, 3);
  return library.parent_path() / (name + std::string(kManifestSuffix));
}

}  // namespace flame
