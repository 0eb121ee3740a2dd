#include "core/plugin/verdict_cache.h"

#include <fmt/core.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "core/plugin/search_path.h"
#include "flame/abi.h"

namespace flame {
namespace {

constexpr size_t kMaxVerdictBytes = 4096;

// What a verdict is bound to besides the plugin: the content of the whole file but one member.
Json verdict(std::string_view sha256) {
  Json json(Json::Object{});
  json.set("started", true)
      .set("sha256", sha256)
      .set("host", kVersion)
      .set("abi", fmt::format("{}.{}", FLAME_ABI_MAJOR, FLAME_ABI_MINOR));
  return json;
}

}  // namespace

VerdictCache VerdictCache::of_user() {
  const std::filesystem::path cache = cache_folder();
  return VerdictCache(cache.empty() ? cache : cache / "plugins-started");
}

std::filesystem::path VerdictCache::file_of(std::string_view sha256) const {
  return folder_ / (std::string(sha256) + ".json");
}

bool VerdictCache::has_started(std::string_view sha256) const {
  if (folder_.empty()) return false;
  const Result<std::string> text = read_file(file_of(sha256), kMaxVerdictBytes);
  if (!text.ok()) return false;
  const Result<Json> found = parse_json(*text, "verdict", {kMaxVerdictBytes, 4});
  if (!found.ok()) return false;
  const Json expected = verdict(sha256);
  for (const Json::Member &member : *expected.as_object()) {
    const Json *value = found->find(member.first);
    if (!value || value->dump() != member.second.dump()) return false;
  }
  return true;
}

void VerdictCache::remember_start(std::string_view sha256, std::string_view plugin_id) const {
  if (folder_.empty()) return;
  Json json = verdict(sha256);
  json.set("plugin", plugin_id);
  const Status written = write_file_atomically(file_of(sha256), json.dump(2) + "\n");
  if (!written.ok()) log::debug("the plugin will be tried again: " + written.error().what);
}

}  // namespace flame
