#include "core/cli/devices.h"

#include "core/plugin/call_scope.h"
#include "core/plugin/flame_text.h"
#include "core/plugin/plugin_host.h"
#include "flame/backend.h"

namespace flame::cli {
namespace {

Result<uint32_t> count_devices(const StartedComponent &backend) {
  uint32_t count = 0;
  CallScope scope(backend.plugin->id(), "flame.backend/1 count");
  const auto &table = backend.table<flame_backend>();
  FLAME_TRY(scope.finish(table.count(scope.call(), flame_text(backend.component->id), &count)));
  return count;
}

Result<DeviceLine> describe_device(const StartedComponent &backend, uint32_t index) {
  flame_device_info info = {};
  info.struct_size = sizeof info;
  CallScope scope(backend.plugin->id(), "flame.backend/1 describe");
  const auto &table = backend.table<flame_backend>();
  FLAME_TRY(
      scope.finish(table.describe(scope.call(), flame_text(backend.component->id), index, &info)));
  return DeviceLine{backend.component->id,
                    std::string(text_of(info.name)),
                    std::string(text_of(info.description)),
                    info.memory_total,
                    info.memory_free,
                    {}};
}

DeviceLine none(std::string backend, Error problem) {
  DeviceLine line;
  line.backend = std::move(backend);
  line.problem = std::move(problem);
  return line;
}

void add_devices(PluginHost &host, const Catalogue::Match &match, std::vector<DeviceLine> &lines) {
  const std::string &id = match.component->id;
  const Result<StartedComponent> backend = host.start(match);
  if (!backend.ok()) return lines.push_back(none(id, backend.error()));
  const Result<uint32_t> count = count_devices(*backend);
  if (!count.ok()) return lines.push_back(none(id, count.error()));
  if (*count == 0) {
    return lines.push_back(
        none(id, {ErrorKind::kDevice, "backend '" + id + "' finds no device on this machine",
                  "the lines above say why; other backends can be used"}));
  }
  for (uint32_t index = 0; index < *count; ++index) {
    Result<DeviceLine> line = describe_device(*backend, index);
    lines.push_back(line.ok() ? std::move(*line) : none(id, line.error()));
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
