// What tests of whole programs on a GPU share: the plugins of the build and the device.
#pragma once

#include <memory>

#include "core/plugin/backends.h"

namespace flame::testing_support {

// The plugins beside the backend cuda, or of the folder FLAME_PLUGIN_FOLDER of the environment.
const Catalogue &gpu_catalogue();
// Started once for the process.
PluginHost &gpu_host();
// Null where no GPU answers; a test failure if it answers and cannot be opened.
std::unique_ptr<Device> open_gpu(bool deterministic);

}  // namespace flame::testing_support
