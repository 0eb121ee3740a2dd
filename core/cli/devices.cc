#include "core/cli/devices.h"

#include "core/plugin/backends.h"

namespace flame::cli {
namespace {

DeviceLine none(std::string backend, Error problem) {
  DeviceLine line;
  line.backend = std::move(backend);
  line.problem = std::move(problem);
  return line;
}

void add_devices(PluginHost &host, const Catalogue::Match &match, std::vector<DeviceLine> &lines) {
  const std::string &id = match.component->id;
  const Result<Backend> backend = start_backend(host, match);
  if (!backend.ok()) return lines.push_back(none(id, backend.error()));
  const Result<uint32_t> count = count_devices(*backend);
  if (!count.ok()) return lines.push_back(none(id, count.error()));
  if (*count == 0) {
    return lines.push_back(
        none(id, {ErrorKind::kDevice, "backend '" + id + "' finds no device on this machine",
                  "the lines above say why; other backends can be used"}));
  }
  for (uint32_t index = 0; index < *count; ++index) {
    const Result<DeviceInfo> info = describe_device(*backend, index);
    lines.push_back(info.ok() ? DeviceLine{id, *info, {}} : none(id, info.error()));
  }
}

}  // namespace

std::vector<DeviceLine> devices(const Catalogue &catalogue) {
  PluginHost host({});
  std::vector<DeviceLine> lines;
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    for (const ComponentSpec &component : plugin.spec().components) {
      if (component.kind == FLAME_KIND_BACKEND) add_devices(host, {&plugin, &component}, lines);
    }
  }
  return lines;
}

}  // namespace flame::cli
