#include "tests/support/devices.h"

#include <fmt/core.h>

#include <cstdlib>
#include <map>

#include "core/plugin/backends.h"

namespace flame::testing_support {
namespace {

// Everything in the order in which it has to be: the devices end before the plugins.
struct Opened {
  Catalogue catalogue = Catalogue::scan({FLAME_PLUGIN_FOLDER});
  PluginHost host{{}};
  std::map<std::string, std::unique_ptr<Device>> devices;
};

}  // namespace

Device &device(const std::string &backend) {
  static Opened opened;
  std::unique_ptr<Device> &device = opened.devices[backend];
  if (!device) {
    const Result<OpenDeviceRequest> request = read_device_request(backend);
    Result<std::unique_ptr<Device>> made =
        request.ok() ? open_device(opened.host, opened.catalogue, *request) : request.error();
    if (!made.ok()) {
      fmt::print(stderr, "{}\n", made.error().text());
      std::abort();
    }
    device = std::move(*made);
  }
  return *device;
}

}  // namespace flame::testing_support
