// Makes the manifest of a library from what the library says of itself.
#pragma once

#include <filesystem>

#include "core/base/result.h"
#include "core/plugin/manifest.h"

namespace flame {

// Looks at the ELF file, loads the library in a child process without starting it, reads its table
// and hashes it. It is the user who names the file, so that owner and mode are not asked for here;
// they are when a run loads it. Errors (kBadPlugin) name the file and what is wrong with it.
Result<Manifest> make_manifest(const std::filesystem::path &library);

// Where its manifest stands: NAME.flame.json beside it, for NAME.so and libNAME.so.
std::filesystem::path manifest_file_for(const std::filesystem::path &library);

}  // namespace flame
