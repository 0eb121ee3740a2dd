#include "core/cli/drawing_models.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/terminal.h"
#include "core/cli/opened_model.h"
#include "core/io/adapter_file.h"
#include "core/io/model_config.h"

namespace flame::cli {
namespace {

namespace fs = std::filesystem;

class Opener {
 public:
  Opener(PluginHost &host, const Pipeline &pipeline, const ResolvedSection &section,
         const ResolvedSection *sample, ModelWeights weights, DrawingModels &made)
      : host_(host),
        pipeline_(pipeline),
        section_(section),
        sample_(sample),
        has_weights_(weights == ModelWeights::kFound),
        made_(made) {}

  Status open() {
    for (const std::string &path : texts("weights")) paths_.push_back(resolved(path));
    if (paths_.empty() && has_weights_) {
      return config_error("model.weights is missing",
                          "name the file or folder of the model's weights");
    }
    FLAME_TRY(open_models());
    if (!has_weights_) return point();
    FLAME_TRY(open_sets());
    FLAME_TRY(match_all());
    made_.changes.resize(made_.models.size());
    for (size_t i = 0; sample_ && i < sample_->sections.size(); ++i) {
      const ResolvedSection &item = sample_->sections[i];
      if (item.spec->key == "loras") FLAME_TRY(add_lora(item));
    }
    return point();
  }

 private:
  // Paths of the file start at its folder.
  fs::path resolved(const std::string &path) const { return pipeline_.file.parent_path() / path; }

  std::vector<std::string> texts(std::string_view name) const {
    return texts_of(section_.options, name);
  }

  // The configuration of one model: of the file, folder or name in `config`, else of a folder of
  // weights; nothing: the published one.
  Result<std::optional<Json>> config_of(const std::string &component, const std::string &folder,
                                        std::string &name) const {
    const std::vector<std::string> given = texts("config");
    std::error_code ignored;
    const bool is_path = !given.empty() && fs::exists(resolved(given.front()), ignored);
    if (!given.empty() && !is_path && given.front() == kFullConfig) return std::optional<Json>();
    if (!given.empty() && !is_path && is_installed_config(given.front())) {
      FLAME_ASSIGN(const fs::path file,
                   find_model_config(*pipeline_.catalogue, component, given.front()));
      name = file.string();
      FLAME_ASSIGN(Json config, read_config_file(file));
      return std::optional(std::move(config));
    }
    if (!given.empty() && !fs::is_directory(resolved(given.front()), ignored)) {
      name = resolved(given.front()).string();
      FLAME_ASSIGN(const Json all, read_config_file(name));
      const Json *own = all.find(component);
      if (own && own->as_object()) return std::optional(*own);
      return config_error(
          fmt::format("{} has no object '{}'", printable(name), printable(component)),
          "it holds one object for each model, by component");
    }
    std::vector<fs::path> folders = paths_;
    if (!given.empty()) folders = {resolved(given.front())};
    for (const fs::path &each : folders) {
      const std::optional<fs::path> file = config_beside(each / folder);
      if (!file || !fs::is_directory(each, ignored)) continue;
      name = file->string();
      FLAME_ASSIGN(Json config, read_config_file(*file));
      return std::optional(std::move(config));
    }
    return std::optional<Json>();
  }

  // The plugin's defaults, over them the configuration, over that what the pipeline itself says.
  Result<AttributeList> options_of(const Catalogue::Match &match, const std::string &folder,
                                   const std::vector<OptionValue> &own) const {
    std::string name;
    FLAME_ASSIGN(const std::optional<Json> config, config_of(match.component->id, folder, name));
    std::vector<OptionValue> values;
    if (config) {
      FLAME_ASSIGN(values, read_model_config(*config, *match.component, printable(name)));
    }
    for (const OptionValue &value : own) {
      const OptionSpec &spec = *match.component->find_option(value.name);
      const bool is_default = spec.default_text && default_value(spec).items == value.items;
      const auto known = std::ranges::find(values, value.name, &OptionValue::name);
      if (known == values.end()) {
        values.push_back(value);
      } else if (!is_default) {
        *known = value;
      }
    }
    return model_options(*match.component, values);
  }

  Result<std::unique_ptr<PluginModel>> start(const Catalogue::Match &match,
                                             const AttributeList &options) {
    FLAME_ASSIGN(const StartedComponent started, host_.start(match));
    FLAME_ASSIGN(PluginModel model, PluginModel::create(started, options));
    return std::make_unique<PluginModel>(std::move(model));
  }

  Status open_models() {
    // What its program is called, and so its folder, the model itself says.
    FLAME_ASSIGN(const AttributeList usual, model_options(*section_.component.component, {}));
    FLAME_ASSIGN(const auto published, start(section_.component, usual));
    FLAME_ASSIGN(const DiffusionSpec known, published->diffusion());
    FLAME_ASSIGN(const AttributeList options,
                 options_of(section_.component, known.denoiser, section_.component_options));
    FLAME_ASSIGN(auto denoiser, start(section_.component, options));
    FLAME_ASSIGN(made_.paint.spec, denoiser->diffusion());
    made_.models.push_back(std::move(denoiser));
    for (const DiffusionPart &part : made_.paint.spec.parts) {
      FLAME_ASSIGN(const Catalogue::Match match,
                   pipeline_.catalogue->find(FLAME_KIND_MODEL, part.component));
      FLAME_ASSIGN(const AttributeList own, options_of(match, part.role, {}));
      FLAME_ASSIGN(auto model, start(match, own));
      made_.models.push_back(std::move(model));
    }
    return {};
  }

  Status open_sets() {
    const std::vector<std::string> variants = texts("variant");
    for (const fs::path &path : paths_) {
      FLAME_ASSIGN(std::vector<WeightSet> sets,
                   open_weights(path, variants.empty() ? "" : variants.front()));
      for (WeightSet &set : sets) made_.sets.push_back(std::move(set));
    }
    return {};
  }

  // The last set that holds the whole model; else the error of the one that holds most of it.
  Status match_all() {
    made_.matches.reserve(made_.models.size());
    for (const auto &model : made_.models) {
      FLAME_ASSIGN(const auto wanted, parameters_of(*model));
      std::optional<WeightMatch> found;
      for (size_t i = made_.sets.size(); i-- > 0 && !found;) {
        FLAME_ASSIGN(WeightMatch match, match_weights(*model, wanted, made_.sets[i]));
        if (match.fits()) found = std::move(match);
      }
      if (!found) {
        FLAME_ASSIGN(const auto best, match_best(*model, wanted, made_.sets));
        return *mismatch_error(best.second, made_.sets[best.first], false);
      }
      made_.matches.push_back(std::move(*found));
    }
    return {};
  }

  Status add_lora(const ResolvedSection &item) {
    const std::string path = *value_of<std::string>(item.options, "path");
    const double strength = *value_of<double>(item.options, "strength");
    const auto named = [&](Error error) {
      error.what = fmt::format("{}: {}: {}", item.path, printable(path), error.what);
      return error;
    };
    FLAME_ASSIGN(const std::vector<LowRankPair> pairs, read_adapter(path));
    const std::vector<AdapterTarget> targets = adapter_targets(made_);
    const auto placed = place_adapter(pairs, targets);
    if (!placed.ok()) return named(placed.error());
    if (strength == 0) return {};
    for (size_t i = 0; i < targets.size(); ++i) {
      const auto model = std::ranges::find(made_.models, targets[i].model,
                                           [](const auto &each) { return each.get(); });
      WeightChanges &changes = made_.changes[static_cast<size_t>(model - made_.models.begin())];
      for (const PlacedPair &each : (*placed)[i]) {
        Result<WeightChange> change = change_of(*each.pair, strength);
        if (!change.ok()) return named(change.error());
        changes[each.parameter].push_back(std::move(*change));
      }
    }
    return {};
  }

  Status point() {
    const auto at = [&](size_t i) {
      if (!has_weights_) return PaintModel{made_.models[i].get(), nullptr, nullptr};
      return PaintModel{made_.models[i].get(), &made_.matches[i], &made_.changes[i]};
    };
    made_.paint.denoiser = at(0);
    for (size_t i = 1; i < made_.models.size(); ++i) made_.paint.parts.push_back(at(i));
    return {};
  }

  PluginHost &host_;
  const Pipeline &pipeline_;
  const ResolvedSection &section_;  // model
  const ResolvedSection *sample_;
  const bool has_weights_;
  DrawingModels &made_;
  std::vector<fs::path> paths_;
};

}  // namespace

std::vector<AdapterTarget> adapter_targets(const DrawingModels &models) {
  const auto target = [&](size_t i, std::vector<std::string> beginnings) {
    return AdapterTarget{models.models[i].get(), &models.matches[i].placed, std::move(beginnings)};
  };
  const std::string denoiser = models.paint.spec.denoiser + "_";
  std::vector<AdapterTarget> targets = {target(0, {"lora_unet_", denoiser, "lora_" + denoiser,
                                                   "diffusion_model_", "base_model_model_", ""})};
  size_t encoders = 0;
  for (size_t i = 0; i < models.paint.spec.parts.size(); ++i) {
    const DiffusionPart &part = models.paint.spec.parts[i];
    if (part.kind != DiffusionPart::Kind::kTextEncoder) continue;
    const std::string number = std::to_string(++encoders);
    targets.push_back(target(i + 1, {"lora_te" + number + "_", part.role + "_"}));
    if (encoders == 1) targets.back().beginnings.emplace_back("lora_te_");
  }
  return targets;
}

Result<std::unique_ptr<DrawingModels>> open_drawing_models(PluginHost &host,
                                                           const Pipeline &pipeline,
                                                           const ResolvedSection &model,
                                                           const ResolvedSection *sample,
                                                           ModelWeights weights) {
  auto made = std::make_unique<DrawingModels>();
  FLAME_TRY(Opener(host, pipeline, model, sample, weights, *made).open());
  return made;
}

}  // namespace flame::cli
