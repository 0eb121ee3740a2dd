#include "core/plugin/backends.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/suggest.h"
#include "core/plugin/attribute_list.h"

namespace flame {
namespace {

Status check_names(const ComponentSpec &component, const OpenDeviceRequest &request) {
  for (const auto &[name, text] : request.options) {
    if (component.find_option(name)) continue;
    std::vector<std::string> names;
    for (const OptionSpec &option : component.options) names.push_back(option.name);
    return config_error(fmt::format("backend '{}' has no option '{}'", component.id, name),
                        did_you_mean(name, names));
  }
  return {};
}

Result<AttributeList> options_of(const ComponentSpec &component, const OpenDeviceRequest &request) {
  FLAME_TRY(check_names(component, request));
  AttributeList list;
  for (const OptionSpec &option : component.options) {
    const auto given = std::ranges::find(request.options, option.name,
                                         &std::pair<std::string, std::string>::first);
    if (given != request.options.end()) {
      Result<Scalar> value = parse_scalar(option, given->second, false);
      if (!value.ok()) {
        return config_error(fmt::format("option '{}' of backend '{}': {}", option.name,
                                        component.id, value.error().what),
                            value.error().hint);
      }
      list.add(option, {option.name, option.list, {std::move(*value)}});
    } else if (option.default_text) {
      list.add(option, default_value(option));
    }
  }
  return list;
}

}  // namespace

Result<Backend> start_backend(PluginHost &host, const Catalogue::Match &match) {
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  return Backend{started.plugin->id(), started.component->id, &started.table<flame_backend>()};
}

Result<std::unique_ptr<Device>> open_device(PluginHost &host, const Catalogue &catalogue,
                                            const OpenDeviceRequest &request) {
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_BACKEND, request.reference));
  FLAME_ASSIGN(const Backend backend, start_backend(host, match));
  FLAME_ASSIGN(const uint32_t count, count_devices(backend));
  if (request.index >= count) {
    return Error{
        ErrorKind::kDevice,
        fmt::format("backend '{}' has {} devices on this machine, so there is no device {}",
                    backend.component, count, request.index),
        count ? fmt::format("choose a device from 0 to {}", count - 1)
              : "'flamehost doctor' says why; another backend can be used"};
  }
  FLAME_ASSIGN(const AttributeList options, options_of(*match.component, request));
  return Device::open(backend, request.index,
                      {{options.data(), options.size()}, request.deterministic});
}

}  // namespace flame
