// `flamehost init TEMPLATE`: a commented pipeline file to start from.
#include <fmt/core.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/base/log.h"
#include "core/base/suggest.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/pipeline/template.h"

namespace flame::cli {
namespace {

constexpr std::array kArguments = {
    CommandArgument{.name = "TEMPLATE",
                    .kind = ValueKind::kTemplate,
                    .required = false,
                    .help = "which pipeline to write; see --list"},
};
constexpr std::array kOptions = {
    CommandOption{.name = "--output",
                  .value = "FILE",
                  .kind = ValueKind::kFile,
                  .help = "the file to write, which must not exist; TEMPLATE.yaml when left out, - "
                          "for standard output"},
    CommandOption{.name = "--list", .value = "", .help = "list the templates"},
};

int list_templates() {
  for (const PipelineTemplate &entry : pipeline_templates()) {
    fmt::print("{:<14} {}\n", entry.name, entry.summary);
  }
  return 0;
}

// Makes the file and fills it; one that exists is left as it is.
Status write_new(const std::string &file, const std::string &text) {
  FILE *out = std::fopen(file.c_str(), "wx");
  if (!out && errno == EEXIST) {
    return storage_error(fmt::format("{}: exists already and is not overwritten", file),
                         "name another file with --output, or remove it");
  }
  if (!out) return storage_error(fmt::format("{}: cannot create: {}", file, strerror(errno)));
  const bool written = std::fwrite(text.data(), 1, text.size(), out) == text.size();
  if (std::fclose(out) == 0 && written) return {};
  const std::string reason = strerror(errno);
  std::remove(file.c_str());
  return storage_error(fmt::format("{}: cannot write: {}", file, reason));
}

Result<const PipelineTemplate *> find_template(const std::string &name) {
  std::vector<std::string> names;
  for (const PipelineTemplate &entry : pipeline_templates()) {
    if (entry.name == name) return &entry;
    names.emplace_back(entry.name);
  }
  std::string hint = did_you_mean(name, names);
  if (hint.empty()) hint = "there are: " + join(names, ", ");
  return config_error(name.empty() ? "no template is named" : fmt::format("no template '{}'", name),
                      std::move(hint));
}

int run(const Arguments &arguments) {
  if (arguments.has("--list")) return list_templates();
  const std::string name = arguments.get("TEMPLATE");
  const Result<const PipelineTemplate *> found = find_template(name);
  if (!found.ok()) return fail(found.error());
  const Catalogue catalogue = installed_catalogue(arguments);
  const TemplateText written = write_template(**found, Components(catalogue));
  for (const std::string &missing : written.missing) {
    log::warning(fmt::format("the {} is not installed; its section is commented out", missing));
  }
  const std::string file = arguments.get("--output", name + ".yaml");
  if (file == "-") {
    fmt::print("{}", written.text);
    return 0;
  }
  const Status status = write_new(file, written.text);
  if (!status.ok()) return fail(status.error());
  fmt::print("{} is written; check it with: flamehost validate {}\n", file, file);
  return 0;
}

}  // namespace

const Command kInitCommand = {
    .group = "",
    .name = "init",
    .summary = "Write a commented pipeline file to start from",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
