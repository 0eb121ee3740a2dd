// `flamehost doctor`: what is here, what is missing, and the command that fixes it.
#include <fmt/core.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/rounded_size.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/cli/commands.h"
#include "core/cli/devices.h"
#include "core/cli/installed.h"
#include "core/cli/machine.h"
#include "flame/abi.h"

namespace flame::cli {
namespace {

// Something that is not as it should be.
struct Finding {
  std::string what;
  std::string fix;
};

struct Report {
  Processor processor;
  Memory memory;
  std::vector<LoadedLibrary> libraries;
  std::vector<std::filesystem::path> folders;
  Catalogue catalogue;
  std::vector<DeviceLine> devices;
  std::vector<Finding> findings;
};

std::vector<Finding> find_problems(const Report &report) {
  std::vector<Finding> findings;
  for (const std::string &variable : loader_variables()) {
    findings.push_back(
        {variable + " is set: the loader may take other libraries than the installed ones",
         "unset it, unless you put it there on purpose"});
  }
  for (const BrokenManifest &broken : report.catalogue.broken()) {
    findings.push_back({broken.error.what, broken.error.hint});
  }
  if (report.catalogue.plugins().empty()) {
    findings.push_back({"no plugin is installed in any of the folders above",
                        "install one, or name its folder with --plugin-path"});
  }
  for (const DeviceLine &device : report.devices) {
    if (!device.problem.what.empty())
      findings.push_back({device.problem.what, device.problem.hint});
  }
  return findings;
}

Report gather(const Arguments &arguments) {
  Report report;
  report.processor = processor();
  report.memory = memory();
  report.libraries = loaded_libraries();  // before any plugin brings its own
  report.folders = plugin_folders(arguments);
  report.catalogue = installed_catalogue(arguments);
  report.devices = devices(report.catalogue);
  report.findings = find_problems(report);
  return report;
}

std::string program_file() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

void print_text(const Report &report) {
  fmt::print("flamehost {} (plugin ABI {}.{})\n", kVersion, FLAME_ABI_MAJOR, FLAME_ABI_MINOR);
  fmt::print("  {}\n\n", program_file());
  fmt::print("Machine\n  processor  {}, {} threads{}{}\n", report.processor.name,
             report.processor.threads, report.processor.extensions.empty() ? "" : ": ",
             join(report.processor.extensions, " "));
  fmt::print("  memory     {} of {} free\n\n", rounded_size_text(report.memory.available_bytes),
             rounded_size_text(report.memory.total_bytes));
  fmt::print("Devices\n");
  for (const DeviceLine &device : report.devices) {
    if (device.problem.what.empty()) {
      fmt::print(
          "  {:<10} {}{}\n", device.backend, device.info.name,
          device.info.memory_total ? ", " + rounded_size_text(device.info.memory_total) : "");
      if (!device.info.description.empty())
        fmt::print("  {:<10} {}\n", "", device.info.description);
    } else {
      fmt::print("  {:<10} none: see below\n", device.backend);
    }
  }
  if (report.devices.empty()) fmt::print("  none: no backend is installed\n");
  fmt::print("\nPlugins\n");
  for (const InstalledPlugin &plugin : report.catalogue.plugins()) {
    std::vector<std::string> components;
    for (const ComponentSpec &component : plugin.spec().components) {
      components.push_back(component.kind + " " + component.id);
    }
    fmt::print("  {} {}: {}\n", plugin.spec().id, plugin.spec().version, join(components, ", "));
  }
  fmt::print("  looked for in\n");
  for (const std::filesystem::path &folder : report.folders) {
    fmt::print("    {}{}\n", folder.string(),
               std::filesystem::exists(folder) ? "" : "  (not there)");
  }
  fmt::print("\nLibraries\n");
  for (const LoadedLibrary &library : report.libraries) {
    fmt::print("  {}  {}\n", library.sha256.substr(0, 16), library.path);
  }
  fmt::print("\n");
  if (report.findings.empty()) fmt::print("Nothing is wrong.\n");
  for (const Finding &finding : report.findings) {
    fmt::print("! {}\n", replace_all(finding.what, "\n", "\n  "));
    if (!finding.fix.empty()) fmt::print("  to fix: {}\n", replace_all(finding.fix, "\n", "\n  "));
  }
}

template <typename Items>
Json strings(const Items &items) {
  Json::Array array;
  for (const auto &item : items) array.emplace_back(std::string(item));
  return Json(std::move(array));
}

Json to_json(const Report &report) {
  Json json;
  json.set("flamehost", kVersion).set("program", program_file());
  json.set("abi", fmt::format("{}.{}", FLAME_ABI_MAJOR, FLAME_ABI_MINOR));
  Json processor;
  processor.set("name", report.processor.name).set("threads", report.processor.threads);
  processor.set("extensions", strings(report.processor.extensions));
  json.set("processor", std::move(processor));
  Json memory;
  memory.set("total_bytes", static_cast<int64_t>(report.memory.total_bytes));
  memory.set("available_bytes", static_cast<int64_t>(report.memory.available_bytes));
  json.set("memory", std::move(memory));
  Json::Array devices, plugins, libraries, findings;
  for (const DeviceLine &device : report.devices) {
    Json entry;
    entry.set("backend", device.backend);
    if (device.problem.what.empty()) {
      entry.set("name", device.info.name).set("description", device.info.description);
      entry.set("memory_total_bytes", static_cast<int64_t>(device.info.memory_total));
      entry.set("memory_free_bytes", static_cast<int64_t>(device.info.memory_free));
    } else {
      entry.set("problem", device.problem.text());
    }
    devices.push_back(std::move(entry));
  }
  for (const InstalledPlugin &plugin : report.catalogue.plugins()) {
    Json entry;
    entry.set("id", plugin.spec().id).set("version", plugin.spec().version);
    entry.set("file", plugin.library_file.string()).set("sha256", plugin.manifest.sha256);
    plugins.push_back(std::move(entry));
  }
  for (const LoadedLibrary &library : report.libraries) {
    Json entry;
    libraries.push_back(entry.set("path", library.path).set("sha256", library.sha256));
  }
  for (const Finding &finding : report.findings) {
    Json entry;
    findings.push_back(entry.set("what", finding.what).set("fix", finding.fix));
  }
  json.set("devices", std::move(devices)).set("plugins", std::move(plugins));
  json.set("plugin_folders", strings(report.folders)).set("libraries", std::move(libraries));
  return json.set("findings", std::move(findings));
}

int run(const Arguments &arguments) {
  const Report report = gather(arguments);
  if (arguments.has("--json")) {
    fmt::print("{}\n", to_json(report).dump(2));
  } else {
    print_text(report);
  }
  return 0;
}

constexpr CommandOption kOptions[] = {
    {.name = "--json", .value = "", .help = "print JSON, with the libraries' full hashes"}};

}  // namespace

const Command kDoctorCommand = {.group = "",
                                .name = "doctor",
                                .summary = "Say what is here, what is missing and how to fix it",
                                .arguments = {},
                                .options = kOptions,
                                .run = run};

}  // namespace flame::cli
