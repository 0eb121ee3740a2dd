#include "core/plugin/manifest.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/file.h"
#include "core/base/terminal.h"
#include "core/base/utf8.h"
#include "core/plugin/json_members.h"

namespace flame {
namespace {

// The layout of the file itself; another number means that nothing else in it can be relied on.
constexpr uint32_t kManifestFormat = 1;
constexpr size_t kMaxManifestBytes = 8u << 20;

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// A name within the manifest's own folder: no separators, no "..", and no '$', which the loader
// would expand.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find_first_of("/\\$") == std::string_view::npos && is_utf8(name) &&
         !has_control_characters(name);
}

// The id of a plugin whose description may follow rules that this host does not know.
std::string id_for_messages(const Json &value) {
  const Json *plugin = value.find("plugin");
  const Json *id = plugin ? plugin->find("id") : nullptr;
  if (!id || !id->as_string()) return "the plugin";
  return fmt::format("the plugin '{}'", printable(id->as_string()->substr(0, 128)));
}

Status check_fits_host(const Manifest &manifest, const Json &value, const JsonMembers &in) {
  if (manifest.abi_major != FLAME_ABI_MAJOR) {
    Error error = in.error(
        fmt::format("the plugin was built for version {} of the contract, this host has version {}",
                    manifest.abi_major, FLAME_ABI_MAJOR));
    error.hint = manifest.abi_major > FLAME_ABI_MAJOR
                     ? "update flamehost, or install the plugin's build for this version"
                     : "install a newer build of the plugin";
    return error;
  }
  if (manifest.platform != host_platform()) {
    Error error =
        in.error(fmt::format("{} was built for '{}', this host is '{}'", id_for_messages(value),
                             printable(manifest.platform), host_platform()));
    error.hint = fmt::format("install the plugin's build for {}", host_platform());
    return error;
  }
  return {};
}

Result<Manifest> manifest_from_json(const Json &value, const std::string &name) {
  FLAME_ASSIGN(JsonMembers in, JsonMembers::open(value, name));
  FLAME_ASSIGN(const uint32_t format, in.number("manifest"));
  if (format != kManifestFormat) {
    return in.error(
        fmt::format("\"manifest\": format {}; this host reads format {}", format, kManifestFormat));
  }
  Manifest manifest;
  FLAME_ASSIGN(manifest.abi_major, in.number("abi_major"));
  FLAME_ASSIGN(manifest.abi_minor, in.number("abi_minor"));
  FLAME_ASSIGN(manifest.platform, in.string("platform"));
  FLAME_ASSIGN(manifest.library, in.string("library"));
  FLAME_ASSIGN(manifest.sha256, in.string("sha256"));
  FLAME_ASSIGN(const Json *plugin, in.member("plugin"));
  FLAME_TRY(check_fits_host(manifest, value, in));
  const bool newer = manifest.abi_minor > FLAME_ABI_MINOR;
  if (!newer) FLAME_TRY(in.finish());
  if (!is_plain_file_name(manifest.library)) {
    return in.error(fmt::format(
        "\"library\": \"{}\": expected the name of a file beside the manifest, without folders",
        printable(manifest.library)));
  }
  if (!is_sha256(manifest.sha256)) {
    return in.error("\"sha256\": expected 64 hexadecimal digits in lower case");
  }
  FLAME_ASSIGN(manifest.spec,
               plugin_spec_from_json(*plugin, name + ": plugin",
                                     newer ? UnknownMembers::kIgnore : UnknownMembers::kRefuse));
  return manifest;
}

}  // namespace

Json to_json(const Manifest &manifest) {
  Json json(Json::Object{});
  json.set("manifest", kManifestFormat)
      .set("abi_major", manifest.abi_major)
      .set("abi_minor", manifest.abi_minor)
      .set("platform", manifest.platform)
      .set("library", manifest.library)
      .set("sha256", manifest.sha256)
      .set("plugin", to_json(manifest.spec));
  return json;
}

Result<Manifest> parse_manifest(std::string_view text, const std::string &name) {
  constexpr const char *kHint =
      "build the plugin again, or write the manifest with `flamehost plugins manifest LIBRARY`";
  const Result<Json> json = parse_json(text, name, {kMaxManifestBytes, 64});
  if (!json.ok()) return plugin_error(json.error().what, kHint);
  Result<Manifest> manifest = manifest_from_json(*json, name);
  if (manifest.ok() || !manifest.error().hint.empty()) return manifest;
  return plugin_error(manifest.error().what, kHint);
}

Result<Manifest> read_manifest(const std::filesystem::path &file) {
  const Result<std::string> text = read_file(file, kMaxManifestBytes);
  if (!text.ok()) return plugin_error(text.error().what, text.error().hint);
  return parse_manifest(*text, file.string());
}

std::string_view host_platform() {
#if defined(__linux__) && defined(__x86_64__)
  return "linux-x86_64";
#elif defined(__linux__) && defined(__aarch64__)
  return "linux-aarch64";
#else
#error "this platform has no name yet: give it one here"
#endif
}

}  // namespace flame
