#include "core/cli/weights_models.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/base/terminal.h"
#include "core/io/model_config.h"
#include "core/io/weight_writer.h"

namespace flame::cli {
namespace {

// A configuration with the name it is called in errors; null: the plugin's own.
struct NamedConfig {
  std::optional<Json> config;
  std::string name;
};

Result<NamedConfig> read_named(const std::string &file) {
  if (file == kFullConfig) return NamedConfig{std::nullopt, file};
  FLAME_ASSIGN(Json config, read_config_file(file));
  return NamedConfig{std::move(config), printable(file)};
}

// A file that holds an object for each of several models.
Result<std::vector<NamedConfig>> split_config(const NamedConfig &all,
                                              const std::vector<std::string> &names) {
  std::vector<NamedConfig> configs;
  for (const std::string &name : names) {
    const Json *own = all.config ? all.config->find(name) : nullptr;
    if (all.config && (!own || !own->as_object())) {
      return config_error(fmt::format("{}: has no object '{}'", all.name, printable(name)),
                          "for several models, one file holds an object for each, by component; or "
                          "give --config once for each");
    }
    configs.push_back(
        {own ? std::optional(*own) : std::nullopt, own ? all.name + ": " + name : all.name});
  }
  return configs;
}

Result<NamedConfig> read_for(const Catalogue &catalogue, const std::string &model,
                             const std::string &config) {
  if (!is_installed_config(config)) return read_named(config);
  FLAME_ASSIGN(const std::filesystem::path file, find_model_config(catalogue, model, config));
  return read_named(file.string());
}

Result<std::vector<NamedConfig>> read_configs(const Catalogue &catalogue,
                                              const std::vector<std::string> &names,
                                              std::span<const std::string> files,
                                              const std::string &beside) {
  std::vector<NamedConfig> configs(names.size());
  if (files.empty()) {
    const auto found = names.size() == 1 && !beside.empty() ? config_beside(beside) : std::nullopt;
    if (!found) return configs;
    FLAME_ASSIGN(configs.front(), read_named(found->string()));
    return configs;
  }
  if (files.size() == 1 && names.size() > 1) {
    if (!is_installed_config(files.front())) {
      FLAME_ASSIGN(const NamedConfig all, read_named(files.front()));
      return split_config(all, names);
    }
    for (size_t i = 0; i < names.size(); ++i) {
      FLAME_ASSIGN(configs[i], read_for(catalogue, names[i], files.front()));
    }
    return configs;
  }
  if (files.size() != names.size()) {
    return config_error(
        fmt::format("{} configurations are given for {} models", files.size(), names.size()),
        "give --config once for each model, in their order");
  }
  for (size_t i = 0; i < files.size(); ++i) {
    FLAME_ASSIGN(configs[i], read_for(catalogue, names[i], files[i]));
  }
  return configs;
}

}  // namespace

std::vector<std::string> split_list(const std::string &text) {
  std::vector<std::string> items;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(',', start), text.size());
    items.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return items;
}

Result<std::vector<ChosenModel>> choose_models(PluginHost &host, const Catalogue &catalogue,
                                               const std::string &list,
                                               std::span<const std::string> configs,
                                               const std::string &beside) {
  const std::vector<std::string> names = split_list(list);
  FLAME_ASSIGN(const std::vector<NamedConfig> read,
               read_configs(catalogue, names, configs, beside));
  std::vector<ChosenModel> models;
  for (size_t i = 0; i < names.size(); ++i) {
    const Json *config = read[i].config ? &*read[i].config : nullptr;
    FLAME_ASSIGN(PluginModel model, open_model(host, catalogue, names[i], config, read[i].name));
    FLAME_ASSIGN(std::vector<WantedParameter> wanted, parameters_of(model));
    models.push_back({std::move(model), std::move(wanted)});
  }
  return models;
}

Result<std::vector<size_t>> choose_layouts(const std::vector<ChosenModel> &models,
                                           const std::string &list) {
  if (list.empty()) return std::vector<size_t>(models.size(), 0);
  std::vector<std::string> names = split_list(list);
  if (names.size() == 1) names.assign(models.size(), names.front());
  if (names.size() != models.size()) {
    return config_error(
        fmt::format("{} layouts are given for {} models", names.size(), models.size()),
        "give one for all, or one for each with commas between");
  }
  std::vector<size_t> layouts;
  for (size_t i = 0; i < models.size(); ++i) {
    FLAME_ASSIGN(const size_t layout, find_layout(models[i].model, names[i]));
    layouts.push_back(layout);
  }
  return layouts;
}

Result<std::vector<MatchedModel>> match_models(const std::vector<ChosenModel> &models,
                                               const std::vector<WeightSet> &sets) {
  std::vector<MatchedModel> matched;
  std::set<std::string> known;
  for (const ChosenModel &chosen : models) {
    FLAME_ASSIGN(auto best, match_best(chosen.model, chosen.wanted, sets));
    for (const PlacedWeight &weight : best.second.placed) known.insert(weight.entry.tensor->name);
    known.insert(best.second.ignored.begin(), best.second.ignored.end());
    matched.push_back({best.first, std::move(best.second)});
  }
  for (MatchedModel &entry : matched) {
    std::erase_if(entry.match.extra, [&](const std::string &name) { return known.contains(name); });
  }
  return matched;
}

}  // namespace flame::cli
