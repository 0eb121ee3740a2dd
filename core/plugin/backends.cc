#include "core/plugin/backends.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/log.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/plugin/attribute_list.h"

namespace flame {
namespace {

// A GPU, or the processor: the quick one first.
constexpr const char *kPreferred[] = {"cuda", "onednn", "reference"};
constexpr std::string_view kTf32 = "tf32";
constexpr std::string_view kThreads = "threads";
constexpr std::string_view kDeterminism = "determinism";

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
    const auto value = std::ranges::find(request.values, option.name, &OptionValue::name);
    const auto given = std::ranges::find(request.options, option.name,
                                         &std::pair<std::string, std::string>::first);
    const bool by_threads = option.name == kThreads && !request.threads.empty();
    if (given != request.options.end() || by_threads) {
      const std::string &text = by_threads ? request.threads : given->second;
      Result<Scalar> read = parse_scalar(option, text, false);
      if (!read.ok()) {
        return config_error(fmt::format("option '{}' of backend '{}': {}", option.name,
                                        component.id, read.error().what),
                            read.error().hint);
      }
      list.add(option, {option.name, option.list, {std::move(*read)}});
    } else if (request.tf32 && option.name == kTf32 && option.type == OptionType::kBool) {
      list.add(option, {option.name, false, {true}});
    } else if (value != request.values.end()) {
      list.add(option, *value);
    } else if (option.default_text) {
      list.add(option, default_value(option));
    }
  }
  return list;
}

Result<std::unique_ptr<Device>> open_best(PluginHost &host, const Catalogue &catalogue,
                                          OpenDeviceRequest request) {
  std::string reasons;
  std::optional<Error> first;
  for (const char *candidate : kPreferred) {
    request.reference = candidate;
    Result<std::unique_ptr<Device>> device = open_device(host, catalogue, request);
    if (device.ok()) {
      log::info(
          fmt::format("backend auto takes {}: {}{}", candidate, (*device)->info().name, reasons));
      return device;
    }
    reasons += fmt::format("; not {}: {}", candidate, device.error().what);
    if (!first) first = device.error();
  }
  return *first;
}

}  // namespace

Result<OpenDeviceRequest> read_device_request(std::string_view text) {
  OpenDeviceRequest request;
  const size_t colon = std::min(text.find(':'), text.size());
  request.reference = text.substr(0, colon);
  for (size_t start = colon + 1; start < text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    const std::string_view setting = text.substr(start, end - start);
    const size_t equals = std::min(setting.find('='), setting.size());
    const std::string_view name = setting.substr(0, equals);
    const std::string_view value = setting.substr(std::min(equals + 1, setting.size()));
    start = end + 1;
    if (name != kDeterminism) {
      request.options.emplace_back(name, value);
      continue;
    }
    if (value != "fast" && value != "strict") {
      return config_error(fmt::format("determinism is '{}', expected fast or strict",
                                      printable(std::string(value))));
    }
    request.deterministic = value == "strict";
  }
  return request;
}

Result<Backend> start_backend(PluginHost &host, const Catalogue::Match &match) {
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  return Backend{started.plugin->id(), started.component->id, &started.table<flame_backend>()};
}

Result<std::unique_ptr<Device>> open_device(PluginHost &host, const Catalogue &catalogue,
                                            const OpenDeviceRequest &request) {
  if (request.reference == kAutomaticBackend) return open_best(host, catalogue, request);
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
