// `flamehost weights check FILE --model ID`: whether a model finds all of its weights in a file.
#include <fmt/core.h>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/cli/progress.h"
#include "core/cli/weights_models.h"

namespace flame::cli {
namespace {

void print_match(const WeightMatch &match) {
  fmt::print("{}: {}, layout '{}'{}: {} parameters from {}\n", match.component, match.set_name,
             match.layout->name,
             match.prefix.empty() ? "" : fmt::format(" under '{}'", printable(match.prefix)),
             match.placed.size(), bytes_text(match.used_bytes));
  if (match.ignored.empty()) return;
  fmt::print("  known to be of no use: {}\n", join(grouped_names(match.ignored, 3), "; "));
}

Status check(const Arguments &arguments) {
  if (!arguments.has("--model"))
    return config_error("which model is it? --model is missing",
                        "name one, such as --model sdxl, or several: --model sdxl,sdxl-vae");
  const Catalogue catalogue = installed_catalogue(arguments);
  PluginHost host({});
  FLAME_ASSIGN(const std::vector<ChosenModel> models,
               choose_models(host, catalogue, arguments.get("--model"), arguments.all("--config"),
                             arguments.get("FILE")));
  FLAME_ASSIGN(const std::vector<WeightSet> sets,
               open_weight_paths(arguments.all("FILE"), arguments.get("--variant")));
  FLAME_ASSIGN(const std::vector<MatchedModel> matched, match_models(models, sets));
  std::optional<Error> wrong;
  for (const MatchedModel &entry : matched) {
    const auto error = mismatch_error(entry.match, sets[entry.set], true);
    if (!error) {
      print_match(entry.match);
    } else if (!wrong) {
      wrong = error;
    } else {
      wrong->what += "\n" + error->what;
    }
  }
  if (wrong) return *wrong;
  return {};
}

int run(const Arguments &arguments) {
  const Status status = check(arguments);
  return status.ok() ? 0 : fail(status.error());
}

constexpr CommandArgument kArguments[] = {
    {.name = "FILE", .kind = ValueKind::kFile, .help = "a safetensors file, or a folder of them"},
};
constexpr CommandOption kOptions[] = {
    {.name = "--model",
     .value = "ID",
     .kind = ValueKind::kComponent,
     .help = "the model; of a file that holds several, all with commas between: sdxl,sdxl-vae"},
    kConfigOption,
    {.name = "--variant", .value = "NAME", .help = "which files of a folder to take, such as fp16"},
};

}  // namespace

const Command kWeightsCheckCommand = {
    .group = "weights",
    .name = "check",
    .summary = "Check that a file holds all weights of a model, in their shapes",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
