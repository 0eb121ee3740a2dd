// Devices of the backends of the build tree, opened as the program opens them.
#pragma once

#include <string>

#include "core/runtime/device.h"

namespace flame::testing_support {

// Device 0 of the backend, "onednn", or with options, "onednn:threads=1"; opened once for the process.
// Fails the test's program if it cannot be opened.
Device &device(const std::string &backend);

}  // namespace flame::testing_support
