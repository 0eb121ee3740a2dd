#include "core/cli/backend_request.h"

#include <fmt/core.h>

#include <algorithm>

namespace flame::cli {
namespace {

constexpr std::string_view kThreads = "threads";

}  // namespace

OpenDeviceRequest read_backend(const std::string &text) {
  OpenDeviceRequest request;
  const size_t colon = std::min(text.find(':'), text.size());
  request.reference = text.substr(0, colon);
  size_t start = colon + 1;
  while (start < text.size()) {
    const size_t end = std::min(text.find(',', start), text.size());
    const std::string setting = text.substr(start, end - start);
    const size_t equals = std::min(setting.find('='), setting.size());
    request.options.emplace_back(setting.substr(0, equals),
                                 setting.substr(std::min(equals + 1, setting.size())));
    start = end + 1;
  }
  return request;
}

Status set_threads(const Arguments &arguments, const Catalogue &catalogue,
                   std::span<OpenDeviceRequest> requests) {
  if (!arguments.has(kThreadsOption.name)) return {};
  bool taken = false;
  std::string names;
  for (OpenDeviceRequest &request : requests) {
    FLAME_ASSIGN(const Catalogue::Match match,
                 catalogue.find(FLAME_KIND_BACKEND, request.reference));
    names += (names.empty() ? "" : ", ") + match.component->id;
    if (!match.component->find_option(kThreads)) continue;
    taken = true;
    const bool given = std::ranges::any_of(request.options,
                                           [](const auto &each) { return each.first == kThreads; });
    if (!given) request.options.emplace_back(kThreads, arguments.get(kThreadsOption.name));
  }
  if (taken) return {};
  return config_error(fmt::format("--threads: no backend here has a number of threads: {}", names),
                      "leave it out, or choose a backend that has one, such as onednn");
}

}  // namespace flame::cli
