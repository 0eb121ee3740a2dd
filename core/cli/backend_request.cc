#include "core/cli/backend_request.h"

#include <fmt/core.h>

#include <algorithm>

namespace flame::cli {
namespace {

constexpr std::string_view kThreads = "threads";

}  // namespace

Status set_threads(const Arguments &arguments, const Catalogue &catalogue,
                   std::span<OpenDeviceRequest> requests) {
  if (!arguments.has(kThreadsOption.name)) return {};
  bool taken = false;
  std::string names;
  for (OpenDeviceRequest &request : requests) {
    if (request.reference == kAutomaticBackend) {
      request.threads = arguments.get(kThreadsOption.name);
      taken = true;
      continue;
    }
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
