#include "tests/backends/gpu_host.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace flame::testing_support {

const Catalogue &gpu_catalogue() {
  static const Catalogue scanned = [] {
    const char *given = std::getenv("FLAME_PLUGIN_FOLDER");
    return Catalogue::scan({given ? given : FLAME_PLUGIN_FOLDER});
  }();
  return scanned;
}

PluginHost &gpu_host() {
  static PluginHost started({});
  return started;
}

std::unique_ptr<Device> open_gpu(bool deterministic) {
  OpenDeviceRequest request;
  request.reference = "cuda";
  request.deterministic = deterministic;
  auto opened = open_device(gpu_host(), gpu_catalogue(), request);
  if (opened.ok()) return std::move(*opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kDevice) << opened.error().text();
  return nullptr;
}

}  // namespace flame::testing_support
