// `flamehost weights convert FILE OUT`: the same weights in another layout or type.
#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/cli/commands.h"
#include "core/cli/installed.h"
#include "core/cli/progress.h"
#include "core/cli/weights_models.h"
#include "core/io/weight_writer.h"

namespace flame::cli {
namespace {

constexpr std::string_view kTypes[] = {"f16", "bf16", "f32"};

// Where nothing is named: every installed model that the file holds whole, in its own configuration.
Result<std::vector<ChosenModel>> find_models(PluginHost &host, const Catalogue &catalogue,
                                             const std::vector<WeightSet> &sets,
                                             const std::string &file) {
  std::vector<ChosenModel> found;
  std::vector<std::string> tried;
  for (const InstalledPlugin &plugin : catalogue.plugins()) {
    for (const ComponentSpec &component : plugin.spec().components) {
      if (component.kind != FLAME_KIND_MODEL) continue;
      tried.push_back(component.id);
      Result<std::vector<ChosenModel>> models =
          choose_models(host, catalogue, plugin.spec().id + "/" + component.id, {});
      if (!models.ok()) continue;  // a model that must be told its configuration
      FLAME_ASSIGN(const auto best,
                   match_best(models->front().model, models->front().wanted, sets));
      if (best.second.fits()) found.push_back(std::move(models->front()));
    }
  }
  if (!found.empty()) return found;
  return config_error(fmt::format("{}: holds none of the installed models at full size ({})", file,
                                  join(tried, ", ")),
                      "name the model and its configuration: --model sdxl --config FILE");
}

// The dtype of all tensors that are read, or none if there are several.
std::optional<DType> common_type(const std::vector<MatchedModel> &matched) {
  std::optional<DType> common;
  for (const MatchedModel &entry : matched) {
    for (const PlacedWeight &weight : entry.match.placed) {
      const DType dtype = *weight.entry.tensor->type->dtype;
      if (common && *common != dtype) return std::nullopt;
      common = dtype;
    }
  }
  return common;
}

Result<DType> type_of(const Arguments &arguments, const std::vector<MatchedModel> &matched) {
  if (arguments.has("--dtype")) return *dtype_from_name(arguments.get("--dtype"));
  if (const auto common = common_type(matched)) return *common;
  return config_error("the file holds several types, and the new one has one for all",
                      "choose it with --dtype f16, bf16 or f32");
}

// Each model's own layout, unless one is named.
Result<std::vector<size_t>> target_layouts(const Arguments &arguments,
                                           const std::vector<ChosenModel> &models,
                                           const std::vector<MatchedModel> &matched) {
  if (arguments.has("--layout")) return choose_layouts(models, arguments.get("--layout"));
  std::vector<size_t> layouts;
  for (size_t i = 0; i < models.size(); ++i) {
    layouts.push_back(
        static_cast<size_t>(matched[i].match.layout - models[i].model.layouts().data()));
  }
  return layouts;
}

Result<FileMetadata> metadata_of(const Arguments &arguments) {
  FileMetadata metadata{{"format", "pt"}};
  for (const std::string &fact : arguments.all("--metadata")) {
    const size_t equals = fact.find('=');
    if (equals == std::string::npos || equals == 0) {
      return config_error(fmt::format("--metadata '{}' is no key and value", printable(fact)),
                          "write it as KEY=VALUE, such as --metadata 'modelspec.title=My model'");
    }
    const std::string key = fact.substr(0, equals);
    if (std::ranges::find(metadata, key, [](const auto &pair) { return pair.first; }) !=
        metadata.end())
      return config_error(fmt::format("--metadata gives '{}' twice", printable(key)),
                          "give each key once; format is always pt");
    metadata.emplace_back(key, fact.substr(equals + 1));
  }
  return metadata;
}

using WeightsByName = std::unordered_map<std::string_view, const PlacedWeight *>;

Status convert(const Arguments &arguments) {
  const std::string file = arguments.get("FILE");
  FLAME_ASSIGN(const std::vector<WeightSet> sets,
               open_weight_paths(arguments.all("FILE"), arguments.get("--variant")));
  const Catalogue catalogue = installed_catalogue(arguments);
  PluginHost host({});
  std::vector<ChosenModel> models;
  if (arguments.has("--model")) {
    FLAME_ASSIGN(models, choose_models(host, catalogue, arguments.get("--model"),
                                       arguments.all("--config"), file));
  } else {
    FLAME_ASSIGN(models, find_models(host, catalogue, sets, file));
  }
  FLAME_ASSIGN(const std::vector<MatchedModel> matched, match_models(models, sets));
  for (const MatchedModel &entry : matched) {
    if (auto error = mismatch_error(entry.match, sets[entry.set], true)) return *error;
  }
  FLAME_ASSIGN(const DType dtype, type_of(arguments, matched));
  FLAME_ASSIGN(const std::vector<size_t> layouts, target_layouts(arguments, models, matched));
  FLAME_ASSIGN(const FileMetadata metadata, metadata_of(arguments));
  std::vector<ModelToWrite> written;
  std::vector<WeightsByName> weights(models.size());
  for (size_t i = 0; i < models.size(); ++i) {
    written.push_back({&models[i].model, models[i].wanted, layouts[i]});
    for (const PlacedWeight &weight : matched[i].match.placed)
      weights[i].emplace(weight.parameter, &weight);
  }
  const auto maker = [&](size_t model, const WantedParameter &parameter, DType type) {
    return read_weight(*weights[model].at(parameter.name), type);
  };
  ProgressLine line("writing");
  return write_weights(arguments.get("OUT"), written, dtype, metadata, maker,
                       [&](uint64_t done, uint64_t total) { line.show(done, total); });
}

int run(const Arguments &arguments) {
  const Status status = convert(arguments);
  return status.ok() ? 0 : fail(status.error());
}

constexpr CommandArgument kArguments[] = {
    {.name = "FILE", .kind = ValueKind::kFile, .help = "a safetensors file, or a folder of them"},
    {.name = "OUT", .kind = ValueKind::kFile, .help = "the safetensors file to write"},
};
constexpr CommandOption kOptions[] = {
    {.name = "--layout",
     .value = "NAME",
     .help = "as the model calls it: diffusers, ldm; as it is if not given. Of several models, one "
             "for all or one for each with commas between"},
    {.name = "--dtype", .value = "TYPE", .help = "of every tensor; as it is", .choices = kTypes},
    {.name = "--model",
     .value = "ID",
     .kind = ValueKind::kComponent,
     .help = "the model, or several with commas between; else every installed one that the file "
             "holds at full size"},
    kConfigOption,
    {.name = "--variant", .value = "NAME", .help = "which files of a folder to take, such as fp16"},
    {.name = "--metadata",
     .value = "KEY=VALUE",
     .repeated = true,
     .help = "a fact about the weights to write into the file's header; may be repeated"},
};

}  // namespace

const Command kWeightsConvertCommand = {
    .group = "weights",
    .name = "convert",
    .summary = "Write weights in another layout or type",
    .arguments = kArguments,
    .options = kOptions,
    .run = run,
};

}  // namespace flame::cli
