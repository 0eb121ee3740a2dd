// Whether a file could be made at a place, found out before there is anything to write.
#pragma once

#include <filesystem>

#include "core/base/result.h"

namespace flame {

// Tries it, with a name that is gone again, in the nearest folder that exists. Makes no folder. Says
// nothing of the room that a file needs. Errors: kStorage.
Status can_create(const std::filesystem::path &path);

}  // namespace flame
