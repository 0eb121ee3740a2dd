// `flamehost plugins list`: what is installed, and what could not be used.
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"

namespace flame::cli {
namespace {

std::vector<std::string> components_of(const InstalledPlugin &plugin) {
  std::vector<std::string> names;
  for (const ComponentSpec &component : plugin.spec().components) {
    names.push_back(component.kind + " " + component.id);
  }
  return names;
}

size_t width_of(size_t least, const std::vector<std::string> &texts) {
  for (const std::string &text : texts) least = std::max(least, text.size());
  return least;
}

void print_table(const Catalogue &catalogue) {
  size_t id = 6, version = 7, component = 9;
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    id = std::max(id, plugin.spec().id.size());
    version = std::max(version, plugin.spec().version.size());
    component = width_of(component, components_of(plugin));
  }
  const auto row = [&](std::string_view a, std::string_view b, std::string_view c,
                       std::string_view d) {
    std::string line =
        fmt::format("{:<{}}  {:<{}}  {:<{}}  {}", a, id, b, version, c, component, d);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  row("PLUGIN", "VERSION", "COMPONENT", "LIBRARY");
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    const std::vector<std::string> components = components_of(plugin);
    row(plugin.spec().id, plugin.spec().version, components.front(),
        printable(plugin.library_file.string()));
    for (size_t i = 1; i < components.size(); ++i) row("", "", components[i], "");
  }
}

void print_text(const Catalogue &catalogue, const Arguments &arguments) {
  if (catalogue.plugins().empty()) {
    fmt::print("No plugin is installed. Looked for in:\n");
    for (const auto &folder : plugin_folders(arguments)) {
      fmt::print("  {}\n", printable(folder.string()));
    }
  } else {
    print_table(catalogue);
  }
  if (catalogue.broken().empty()) return;
  fmt::print("\nThese cannot be used:\n");
  for (const BrokenManifest &broken : catalogue.broken()) {
    fmt::print("  {}\n", replace_all(printable(broken.error.text()), "\n", "\n  "));
  }
}

Json to_json(const InstalledPlugin &plugin) {
  const PluginSpec &spec = plugin.spec();
  Json components(Json::Array{});
  for (const ComponentSpec &component : spec.components) {
    Json item(Json::Object{});
    item.set("kind", component.kind).set("id", component.id).set("summary", component.summary);
    components.push(std::move(item));
  }
  Json json(Json::Object{});
  return json.set("id", spec.id)
      .set("version", spec.version)
      .set("license", spec.license)
      .set("summary", spec.summary)
      .set("components", std::move(components))
      .set("library", plugin.library_file.string())
      .set("manifest", plugin.manifest_file.string())
      .set("sha256", plugin.manifest.sha256);
}

Json to_json(const Catalogue &catalogue) {
  Json plugins(Json::Array{}), broken(Json::Array{});
  for (const InstalledPlugin &plugin : catalogue.plugins()) plugins.push(to_json(plugin));
  for (const BrokenManifest &entry : catalogue.broken()) {
    Json item(Json::Object{});
    item.set("file", entry.file.string())
        .set("error", entry.error.what)
        .set("hint", entry.error.hint);
    broken.push(std::move(item));
  }
  Json json(Json::Object{});
  return json.set("plugins", std::move(plugins)).set("broken", std::move(broken));
}

int run(const Arguments &arguments) {
  const Catalogue catalogue = installed_catalogue(arguments);
  if (arguments.has("--json")) {
    fmt::print("{}\n", to_json(catalogue).dump(2));
  } else {
    print_text(catalogue, arguments);
  }
  return 0;
}

constexpr CommandOption kOptions[] = {
    {.name = "--json", .value = {}, .help = "print one JSON object"},
};

}  // namespace

const Command kPluginsListCommand = {
    .group = "plugins",
    .name = "list",
    .summary = "List the plugins that are installed, and manifests that cannot be used",
    .arguments = {},
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
