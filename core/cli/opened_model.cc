#include "core/cli/opened_model.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/base/text.h"
#include "core/io/model_config.h"

namespace flame::cli {
namespace {

// From the folder of a plugin's library: COMPONENT.NAME.json.
constexpr std::string_view kInstalledConfigs = "../../../share/flamehost/models";

}  // namespace

Result<PluginModel> open_model(PluginHost &host, const Catalogue &catalogue,
                               const std::string &reference, const Json *config,
                               std::string_view config_name) {
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_MODEL, reference));
  std::vector<OptionValue> given;
  if (config) {
    FLAME_ASSIGN(given, read_model_config(*config, *match.component, config_name));
  }
  FLAME_ASSIGN(const AttributeList options, model_options(*match.component, given));
  FLAME_ASSIGN(const StartedComponent started, host.start(match));
  Result<PluginModel> model = PluginModel::create(started, options);
  if (model.ok() || model.error().kind != ErrorKind::kBadConfig || !config) return model;
  Error error = model.error();
  error.what = std::string(config_name) + ": " + error.what;
  return error;
}

bool is_installed_config(const std::string &config) {
  return config != kFullConfig && config.find('/') == std::string::npos &&
         !config.ends_with(".json");
}

Result<std::filesystem::path> find_model_config(const Catalogue &catalogue,
                                                const std::string &reference,
                                                const std::string &name) {
  FLAME_ASSIGN(const Catalogue::Match match, catalogue.find(FLAME_KIND_MODEL, reference));
  const std::filesystem::path folder = match.plugin->library_file.parent_path() / kInstalledConfigs;
  const std::string beginning = match.component->id + ".";
  constexpr std::string_view kEnding = ".json";
  std::vector<std::string> known;
  std::error_code failure;
  for (std::filesystem::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure)) {
    const std::string file = at->path().filename().string();
    if (!file.starts_with(beginning) || !file.ends_with(kEnding)) continue;
    known.push_back(file.substr(beginning.size(), file.size() - beginning.size() - kEnding.size()));
    if (known.back() == name) return at->path();
  }
  std::ranges::sort(known);
  known.insert(known.begin(), std::string(kFullConfig));
  return config_error(fmt::format("the model '{}' has no configuration '{}' installed",
                                  match.component->id, printable(name)),
                      "give a file's path (./NAME or NAME.json), or one of " + join(known, ", "));
}

Result<std::vector<WeightSet>> open_weight_paths(std::span<const std::string> paths,
                                                 const std::string &variant) {
  if (paths.size() == 1) return open_weights(paths.front(), variant);
  const std::vector<std::filesystem::path> files(paths.begin(), paths.end());
  FLAME_ASSIGN(WeightSet set, WeightSet::open(files));
  std::vector<WeightSet> sets;
  sets.push_back(std::move(set));
  return sets;
}

}  // namespace flame::cli
