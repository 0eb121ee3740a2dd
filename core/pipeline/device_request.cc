#include "core/pipeline/device_request.h"

namespace flame {

OpenDeviceRequest device_request(const ResolvedSection &backend) {
  const auto is = [&](std::string_view option, std::string_view value) {
    const auto *given = value_of<std::string>(backend.options, option);
    return given && *given == value;
  };
  OpenDeviceRequest request;
  request.reference = backend.use.empty() ? std::string(kAutomaticBackend) : backend.use;
  request.deterministic = is("determinism", "strict");
  request.values = backend.component_options;
  request.tf32 = is("precision", "tf32");
  return request;
}

OpenDeviceRequest device_request(const Pipeline &pipeline) {
  const ResolvedSection *backend = pipeline.root.find_section("backend");
  if (backend) return device_request(*backend);
  OpenDeviceRequest automatic;
  automatic.reference = kAutomaticBackend;
  return automatic;
}

}  // namespace flame
