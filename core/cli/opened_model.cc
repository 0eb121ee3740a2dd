#include "core/cli/opened_model.h"

#include "core/io/model_config.h"

namespace flame::cli {

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
