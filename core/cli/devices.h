// The devices that answer now, through the backends that are installed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/plugin/catalogue.h"
#include "core/runtime/device.h"

namespace flame::cli {

// A device, or the reason why a backend has none.
struct DeviceLine {
  std::string backend;  // the component's id
  DeviceInfo info;
  Error problem;  // `what` is empty for a device
};

// Starts every installed backend and asks it. In the order of the catalogue.
std::vector<DeviceLine> devices(const Catalogue &catalogue);

}  // namespace flame::cli
