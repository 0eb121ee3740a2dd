// `flamehost validate FILE…`: everything that is wrong in pipeline files, without a device, a
// weight or a line of a plugin's code.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/pipeline/pipeline.h"

namespace flame::cli {
namespace {

constexpr std::array kArguments = {
    CommandArgument{
        .name = "FILE", .kind = ValueKind::kFile, .repeated = true, .help = "pipeline files"},
};
constexpr std::array kOptions = {
    CommandOption{.name = "--set",
                  .value = "KEY=VALUE",
                  .kind = ValueKind::kSetting,
                  .repeated = true,
                  .help = "change one value first, such as train.steps=100; may be repeated"},
    CommandOption{.name = "--json", .value = "", .help = "print one JSON object, for programs"},
};

// "enough to sample; to train add data, adapter".
std::string abilities_text(const std::vector<Ability> &abilities) {
  std::vector<std::string> able, unable;
  for (const Ability &ability : abilities) {
    if (ability.missing.empty()) {
      able.push_back(ability.verb);
    } else {
      unable.push_back(fmt::format("to {} add {}", ability.verb, join(ability.missing, ", ")));
    }
  }
  std::string text =
      able.empty() ? "not enough to do anything yet" : "enough to " + join(able, " and ");
  if (!unable.empty()) text += "; " + join(unable, "; ");
  return text;
}

size_t count(const CheckedPipeline &checked, Severity severity) {
  size_t found = 0;
  for (const Diagnostic &diagnostic : checked.diagnostics) {
    if (diagnostic.severity == severity) ++found;
  }
  return found;
}

std::string counted(size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

void print_text(const std::string &file, const CheckedPipeline &checked) {
  const bool colour = colour_allowed(STDOUT_FILENO);
  for (const Diagnostic &diagnostic : checked.diagnostics) {
    fmt::print("{}\n", to_text(diagnostic, checked.sources, colour));
  }
  const size_t errors = count(checked, Severity::kError);
  const size_t warnings = count(checked, Severity::kWarning);
  std::string text = errors > 0 ? counted(errors, "error") : "ok";
  if (warnings > 0) text += ", " + counted(warnings, "warning");
  if (errors == 0) text += "; " + abilities_text(checked.abilities);
  fmt::print("{}: {}\n", printable(file), text);
}

Json to_json(const std::string &file, const CheckedPipeline &checked) {
  Json diagnostics(Json::Array{});
  for (const Diagnostic &diagnostic : checked.diagnostics) {
    diagnostics.push(flame::to_json(diagnostic, checked.sources));
  }
  Json missing(Json::Object{});
  for (const Ability &ability : checked.abilities) {
    missing.set(ability.verb, Json::Array(ability.missing.begin(), ability.missing.end()));
  }
  Json json;
  json.set("file", file).set("valid", checked.pipeline.has_value());
  json.set("diagnostics", std::move(diagnostics));
  return json.set("missing", std::move(missing));
}

int run(const Arguments &arguments) {
  const Catalogue catalogue = installed_catalogue(arguments);
  const bool as_json = arguments.has("--json");
  const auto overrides = arguments.all("--set");
  Json files(Json::Array{});
  int code = 0;
  for (const std::string &file : arguments.all("FILE")) {
    const Result<CheckedPipeline> checked =
        check_pipeline_file(file, {overrides.begin(), overrides.end()}, catalogue);
    if (!checked.ok()) {
      code = std::max(code, fail(checked.error()));
      continue;
    }
    if (!checked->pipeline) code = std::max(code, exit_code(ErrorKind::kBadConfig));
    if (as_json) {
      files.push(to_json(file, *checked));
    } else {
      print_text(file, *checked);
    }
  }
  if (as_json) {
    Json json;
    json.set("valid", code == 0).set("files", std::move(files));
    fmt::print("{}\n", json.dump(2));
  }
  return code;
}

}  // namespace

const Command kValidateCommand = {
    .group = "",
    .name = "validate",
    .summary = "Check pipeline files; needs no device and no weights",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
