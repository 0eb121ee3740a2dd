// --threads, for all backends of a command.
#pragma once

#include <span>

#include "core/cli/command.h"
#include "core/plugin/backends.h"

namespace flame::cli {

inline constexpr CommandOption kThreadsOption{
    .name = "--threads",
    .value = "NUMBER",
    .help = "how many threads compute, of backends that use the processor; 0 takes every core"};

// Gives --threads, if it is there, to every backend that has such an option. The error says that
// none of them has one.
Status set_threads(const Arguments &arguments, const Catalogue &catalogue,
                   std::span<OpenDeviceRequest> requests);

}  // namespace flame::cli
