// SHA-256, the identity of plugins, caches and checkpoints.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace flame {

// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

// The hash of what an open descriptor refers to, read from its start with pread; the offset stays
// where it is. `name` is what the file is called in an error.
Result<std::string> sha256_of_descriptor(int descriptor, std::string_view name);

Result<std::string> sha256_of_file(const std::string &path);

}  // namespace flame
