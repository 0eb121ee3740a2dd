// `flamehost weights make MODEL OUT`: random weights, for tests and benchmarks.
#include <fmt/core.h>

#include <charconv>

#include "core/base/terminal.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/cli/progress.h"
#include "core/cli/weights_models.h"
#include "core/io/weight_writer.h"

namespace flame::cli {
namespace {

constexpr std::string_view kTypes[] = {"f16", "bf16", "f32"};

Result<uint64_t> seed_of(const Arguments &arguments) {
  const std::string text = arguments.get("--seed", "1");
  uint64_t seed = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return seed;
  return config_error(fmt::format("--seed {}: expected a whole number from 0 up", printable(text)));
}

Status make(const Arguments &arguments) {
  FLAME_ASSIGN(const uint64_t seed, seed_of(arguments));
  const Catalogue catalogue = installed_catalogue(arguments);
  PluginHost host({});
  FLAME_ASSIGN(const std::vector<ChosenModel> models,
               choose_models(host, catalogue, arguments.get("MODEL"), arguments.all("--config")));
  FLAME_ASSIGN(const std::vector<size_t> layouts,
               choose_layouts(models, arguments.get("--layout")));
  std::vector<ModelToWrite> written;
  for (size_t i = 0; i < models.size(); ++i)
    written.push_back({&models[i].model, models[i].wanted, layouts[i]});
  const auto maker = [&](size_t model, const WantedParameter &parameter,
                         DType dtype) -> Result<HostTensor> {
    return random_weight(models[model].model.component(), parameter, seed, dtype);
  };
  ProgressLine line("writing");
  return write_weights(arguments.get("OUT"), written,
                       *dtype_from_name(arguments.get("--dtype", "f16")), {{"format", "pt"}}, maker,
                       [&](uint64_t done, uint64_t total) { line.show(done, total); });
}

int run(const Arguments &arguments) {
  const Status status = make(arguments);
  return status.ok() ? 0 : fail(status.error());
}

constexpr CommandArgument kArguments[] = {
    {.name = "MODEL",
     .kind = ValueKind::kComponent,
     .help = "the model; for one file of several, all with commas between: sdxl,sdxl-vae"},
    {.name = "OUT", .kind = ValueKind::kFile, .help = "the safetensors file to write"},
};
constexpr CommandOption kOptions[] = {
    kConfigOption,
    {.name = "--seed", .value = "NUMBER", .help = "the same seed gives the same bytes; 1"},
    {.name = "--layout",
     .value = "NAME",
     .help =
         "as the model calls it: diffusers, ldm; its first if not given. Of several models, one "
         "for all or one for each with commas between"},
    {.name = "--dtype",
     .value = "TYPE",
     .help = "of every tensor; f16 if not given",
     .choices = kTypes},
};

}  // namespace

const Command kWeightsMakeCommand = {
    .group = "weights",
    .name = "make",
    .summary = "Write random weights of a model, for tests and benchmarks",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
