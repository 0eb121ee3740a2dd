// NAME.flame.json, the file beside each plugin library from which everything but running it is
// done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/base/result.h"
#include "core/plugin/descriptor.h"

namespace flame {

inline constexpr std::string_view kManifestSuffix = ".flame.json";

struct Manifest {
  uint32_t abi_major = FLAME_ABI_MAJOR;  // the number in the entry symbol
  uint32_t abi_minor = 0;                // the SDK's minor version that the plugin was built with
  std::string platform;                  // "linux-x86_64"
  std::string library;                   // a file name without folders, beside the manifest
  std::string sha256;                    // of the library
  PluginSpec spec;
};

Json to_json(const Manifest &manifest);

// Checks everything that can be checked without the library: syntax, types, unknown members, that
// the plugin was built for this platform and this major version, that `library` names a file beside
// the manifest and nothing else, and the rules of the descriptor. Errors are kBadPlugin and name
// the file.
Result<Manifest> read_manifest(const std::filesystem::path &file);
// The same for text that is already here; `name` is what the file is called.
Result<Manifest> parse_manifest(std::string_view text, const std::string &name);

// The platform that this host runs plugins of.
std::string_view host_platform();

}  // namespace flame
