// `flamehost plugins inspect`: everything that a plugin says of itself, on one page.
#include <fmt/core.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/suggest.h"
#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/plugin/make_manifest.h"
#include "core/plugin/option_value.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

// A plugin to show; `components` are those of its components that were asked for.
struct Page {
  Manifest manifest;
  fs::path library_file;
  fs::path manifest_file;  // empty: the library itself was asked
  std::vector<ComponentSpec> components;
};

Page page_of(const InstalledPlugin &plugin) {
  return {plugin.manifest, plugin.library_file, plugin.manifest_file, plugin.spec().components};
}

std::string value_line(const OptionSpec &option) {
  std::string line = option.list ? "a list, each " + expectation(option) : expectation(option);
  if (option.required) {
    line += "; must be given";
  } else if (!option.default_text) {
    line += "; unset unless given";
  } else if (option.default_text->empty()) {
    line += option.list ? "; default: no items" : "; default: empty";
  } else {
    line += "; default " + *option.default_text;
  }
  return line;
}

void print_option(const OptionSpec &option) {
  fmt::print("    {}  ({}{})\n", option.name, option.list ? "list of " : "", name_of(option.type));
  fmt::print("        {}\n", option.help);
  fmt::print("        {}\n", value_line(option));
  if (option.configuration) fmt::print("        its files say it, such as config.json\n");
  if (!option.since.empty()) fmt::print("        since {}\n", option.since);
  if (!option.deprecated_by.empty()) {
    fmt::print("        deprecated: use {}\n", option.deprecated_by);
  }
  if (!option.aliases.empty()) {
    fmt::print("        elsewhere called {}\n", join(option.aliases, ", "));
  }
}

void print_page(const Page &page) {
  const PluginSpec &spec = page.manifest.spec;
  const auto fact = [](std::string_view name, std::string_view value) {
    if (!value.empty()) fmt::print("  {:<9} {}\n", name, printable(value));
  };
  fmt::print("{} {}\n  {}\n\n", spec.id, spec.version, spec.summary);
  fact("vendor", spec.vendor);
  fact("licence", spec.license);
  fact("contract", fmt::format("{}.{}", page.manifest.abi_major, page.manifest.abi_minor));
  fact("platform", page.manifest.platform);
  fact("needs", join(spec.requirements, ", "));
  fact("library", page.library_file.string());
  fact("manifest", page.manifest_file.empty() ? "none; the library was asked in a child process"
                                              : page.manifest_file.string());
  fact("SHA-256", page.manifest.sha256);
  for (const ComponentSpec &component : page.components) {
    fmt::print("\n{} {}\n  {}\n  in a pipeline: use: {}\n", component.kind, component.id,
               component.summary, component.id);
    fmt::print("{}", component.options.empty() ? "\n  It has no options.\n" : "\n  Options\n");
    for (const OptionSpec &option : component.options) print_option(option);
  }
}

Json to_json(const Page &page) {
  Json json = flame::to_json(page.manifest);
  json.set("library_file", page.library_file.string());
  if (!page.manifest_file.empty()) json.set("manifest_file", page.manifest_file.string());
  return json;
}

bool is_file_name(const std::string &what) {
  return what.ends_with(".so") || what.ends_with(kManifestSuffix) || what.starts_with(".") ||
         what.starts_with("/");
}

// The plugin of a manifest or of a library, installed or not.
Result<Page> page_of_file(const fs::path &file) {
  if (file.string().ends_with(kManifestSuffix)) {
    FLAME_ASSIGN(const Manifest manifest, read_manifest(file));
    return Page{manifest, file.parent_path() / manifest.library, file, manifest.spec.components};
  }
  const Catalogue beside = Catalogue::scan({fs::absolute(file).parent_path()});
  for (const InstalledPlugin &plugin : beside.plugins()) {
    if (plugin.library_file.filename() == file.filename()) return page_of(plugin);
  }
  FLAME_ASSIGN(const Manifest manifest, make_manifest(file));
  return Page{manifest, fs::absolute(file).lexically_normal(), {}, manifest.spec.components};
}

// Every installed plugin of that id or with a component of that name.
std::vector<Page> pages_named(const Catalogue &catalogue, const std::string &what) {
  std::vector<Page> pages;
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    Page page = page_of(plugin);
    if (plugin.spec().id != what) {
      std::erase_if(page.components, [&](const ComponentSpec &component) {
        return component.id != what && plugin.spec().id + "/" + component.id != what;
      });
      if (page.components.empty()) continue;
    }
    pages.push_back(std::move(page));
  }
  return pages;
}

Error nothing_named(const Catalogue &catalogue, const std::string &what) {
  std::vector<std::string> names;
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    names.push_back(plugin.spec().id);
    for (const ComponentSpec &component : plugin.spec().components) names.push_back(component.id);
  }
  std::string hint = did_you_mean(what, names);
  if (hint.empty()) hint = "see `flamehost plugins list`";
  return plugin_error(
      fmt::format("no plugin or component '{}' is installed, and no library has this name",
                  printable(what)),
      std::move(hint));
}

int run(const Arguments &arguments) {
  const std::string what = arguments.get("WHAT");
  std::vector<Page> pages;
  std::error_code ignored;
  if (is_file_name(what) || fs::is_regular_file(what, ignored)) {
    Result<Page> page = page_of_file(what);
    if (!page.ok()) return fail(page.error());
    pages.push_back(std::move(*page));
  } else {
    const Catalogue catalogue = installed_catalogue(arguments);
    pages = pages_named(catalogue, what);
    if (pages.empty()) return fail(nothing_named(catalogue, what));
  }
  if (arguments.has("--json")) {
    Json list(Json::Array{});
    for (const Page &page : pages) list.push(to_json(page));
    fmt::print("{}\n", list.dump(2));
    return 0;
  }
  for (size_t i = 0; i < pages.size(); ++i) {
    if (i > 0) fmt::print("\n");
    print_page(pages[i]);
  }
  return 0;
}

constexpr CommandArgument kArguments[] = {
    {.name = "WHAT",
     .kind = ValueKind::kComponent,
     .help = "a plugin id, a component (adamw), a manifest or a library"},
};
constexpr CommandOption kOptions[] = {
    {.name = "--json", .value = {}, .help = "print a JSON list of manifests"},
};

}  // namespace

const Command kPluginsInspectCommand = {
    .group = "plugins",
    .name = "inspect",
    .summary = "Show what a plugin is and which options its components take",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
