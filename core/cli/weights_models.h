// The models that a command about weights speaks of: `--model sdxl,sdxl-vae`, `--config FILE`.
#pragma once

#include "core/cli/opened_model.h"

namespace flame::cli {

struct ChosenModel {
  PluginModel model;
  std::vector<WantedParameter> wanted;
};

inline constexpr CommandOption kConfigOption{
    .name = "--config",
    .value = "full|tiny|FILE",
    .kind = ValueKind::kFile,
    .repeated = true,
    .help =
        "the published config.json; full is the plugin's own. Of several models: one for each, "
        "or one file of an object for each, by component"};

// The models of a comma list, each with its configuration. Where none is given, `beside` (may be
// empty) is a file of weights that a config.json may stand beside.
Result<std::vector<ChosenModel>> choose_models(PluginHost &host, const Catalogue &catalogue,
                                               const std::string &list,
                                               std::span<const std::string> configs,
                                               const std::string &beside = {});

// The layout of each model by name: one for all, or a comma list in the models' order.
Result<std::vector<size_t>> choose_layouts(const std::vector<ChosenModel> &models,
                                           const std::string &list);

// Items between commas.
std::vector<std::string> split_list(const std::string &text);

// The best match of every model. What one model reads is nobody else's extra.
struct MatchedModel {
  size_t set = 0;
  WeightMatch match;
};
Result<std::vector<MatchedModel>> match_models(const std::vector<ChosenModel> &models,
                                               const std::vector<WeightSet> &sets);

}  // namespace flame::cli
